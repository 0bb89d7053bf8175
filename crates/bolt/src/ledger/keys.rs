//! Keys in few bytes.
//!
//! A key is written as what it shares with a reference at both ends, and what is left in between. The reference of a
//! first key is all zeros, and runs of zeros in between are folded if that helps. That suits big-endian numbers: an etcd
//! revision of 17 bytes takes about 6, or 4 behind its neighbour.

use crate::varint::{Reader, write};

/// Most bytes shared at one end, and the longest run of either kind in one token: four bits each.
const RUN: usize = 15;
/// The reference of a key that has none.
pub(super) const ZEROS: [u8; RUN] = [0; RUN];

/// Appends `key`, given that the reader knows `reference`. `scratch` is overwritten.
pub(super) fn write_key(out: &mut Vec<u8>, reference: &[u8], key: &[u8], scratch: &mut Vec<u8>) {
    let same = |(left, right): &(&u8, &u8)| left == right;
    let head = reference.iter().zip(key).take(RUN).take_while(same).count();
    let rest = key.get(head..).unwrap_or_default();
    let tail = reference
        .iter()
        .rev()
        .zip(rest.iter().rev())
        .take(RUN)
        .take_while(same)
        .count();
    let middle = rest.get(..rest.len().saturating_sub(tail)).unwrap_or_default();
    fold(middle, scratch);
    let folded = scratch.len() < middle.len();
    out.push(u8::try_from((head << 4) | tail).unwrap_or(0));
    write(
        out,
        u64::try_from((middle.len() << 1) | usize::from(folded)).unwrap_or(0),
    );
    out.extend_from_slice(if folded { scratch } else { middle });
}

/// Reads a key into `key`, which holds the reference.
pub(super) fn read_key(reader: &mut Reader<'_>, key: &mut Vec<u8>) -> Option<()> {
    let shared = reader.byte()?;
    let (head, tail) = (usize::from(shared >> 4), usize::from(shared & 0x0f));
    let packed = reader.size()?;
    let (length, folded) = (packed >> 1, packed & 1 == 1);
    let mut end = ZEROS;
    let end = end.get_mut(..tail)?;
    end.copy_from_slice(key.get(key.len().checked_sub(tail)?..)?);
    key.truncate(head);
    if folded {
        unfold(reader, key, head.checked_add(length)?)?;
    } else {
        key.extend_from_slice(reader.bytes(length)?);
    }
    key.extend_from_slice(end);
    Some(())
}

/// Writes tokens: so many bytes as they are, then so many zeros.
fn fold(mut bytes: &[u8], out: &mut Vec<u8>) {
    out.clear();
    while !bytes.is_empty() {
        let literals = bytes.iter().take(RUN).take_while(|byte| **byte != 0).count();
        let (literal, rest) = bytes.split_at_checked(literals).unwrap_or((bytes, &[]));
        let zeros = rest.iter().take(RUN).take_while(|byte| **byte == 0).count();
        out.push(u8::try_from((literals << 4) | zeros).unwrap_or(0));
        out.extend_from_slice(literal);
        bytes = rest.get(zeros..).unwrap_or_default();
    }
}

fn unfold(reader: &mut Reader<'_>, key: &mut Vec<u8>, end: usize) -> Option<()> {
    while key.len() < end {
        let token = reader.byte()?;
        key.extend_from_slice(reader.bytes(usize::from(token >> 4))?);
        let zeros = key.len().checked_add(usize::from(token & 0x0f))?;
        key.resize(zeros, 0);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(reference: &[u8], key: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_key(&mut out, reference, key, &mut Vec::new());
        out
    }

    proptest! {
        #[test]
        fn keys_survive(
            reference in proptest::collection::vec(0_u8..3, 0..60),
            key in proptest::collection::vec(0_u8..3, 0..60),
        ) {
            let out = written(&reference, &key);
            let mut back = reference;
            let mut reader = Reader(&out);
            prop_assert_eq!(read_key(&mut reader, &mut back), Some(()));
            prop_assert_eq!(back, key);
            prop_assert!(reader.0.is_empty());
        }
    }

    #[test]
    fn a_revision_takes_a_few_bytes() {
        let revision = |main: u64, sub: u64| [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat();
        assert_eq!(written(&ZEROS, &revision(3_456_789, 0)).len(), 6);
        assert_eq!(written(&revision(3_456_789, 0), &revision(3_456_809, 0)).len(), 3);
        assert!(written(&revision(3_456_789, 0), &revision(3_456_809, 2)).len() <= 7);
    }
}
