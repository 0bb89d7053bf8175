//! Values of bucket `key`: `mvccpb.KeyValue` in protobuf (`api/mvccpb/kv.proto`).

/// What counting, hashing and restoring need of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Record<'a> {
    /// Field 1: the user's key.
    pub(crate) key: &'a [u8],
    /// Field 4: 1 when the key was created, counting up from there. 0 in a deletion.
    pub(crate) version: i64,
    /// Field 6: the lease that the key is attached to, 0 if none.
    pub(crate) lease: i64,
}

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

impl<'a> Record<'a> {
    /// Reads a record to its end, as strictly as etcd's decoder: known fields have their wire type, unknown ones are
    /// skipped, nothing is cut short. Groups, which no version of etcd writes, are refused.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes)?;
            let (field, wire) = (tag >> 3, tag & 7);
            match (field, wire) {
                (1, BYTES) => record.key = delimited(&mut bytes)?,
                (5, BYTES) => drop(delimited(&mut bytes)?),
                (4, VARINT) => record.version = varint(&mut bytes)?.cast_signed(),
                (6, VARINT) => record.lease = varint(&mut bytes)?.cast_signed(),
                (2 | 3, VARINT) => drop(varint(&mut bytes)?),
                (0..=6, _) => return None,
                (_, VARINT) => drop(varint(&mut bytes)?),
                (_, BYTES) => drop(delimited(&mut bytes)?),
                (_, FIXED64) => bytes = bytes.get(8..)?,
                (_, FIXED32) => bytes = bytes.get(4..)?,
                _ => return None,
            }
        }
        Some(record)
    }
}

/// A number of at most ten bytes, low seven bits first.
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// A length and so many bytes.
pub(crate) fn delimited<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(bytes)?).ok()?;
    let (value, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_is_read() {
        // key "ab", create 5, mod 300, version 2, value "v", lease 9
        let bytes = [10, 2, b'a', b'b', 16, 5, 24, 0xac, 2, 32, 2, 42, 1, b'v', 48, 9];
        assert_eq!(
            Record::parse(&bytes),
            Some(Record {
                key: b"ab",
                version: 2,
                lease: 9
            })
        );
    }

    #[test]
    fn a_deletion_has_only_a_key_and_a_bump_has_nothing() {
        assert_eq!(
            Record::parse(&[10, 1, b'k']),
            Some(Record {
                key: b"k",
                version: 0,
                lease: 0
            })
        );
        assert_eq!(Record::parse(&[]), Some(Record::default()));
    }

    #[test]
    fn unknown_fields_are_skipped() {
        let bytes = [
            10, 1, b'k', 0x38, 1, 0x42, 2, 0, 0, 0x49, 0, 0, 0, 0, 0, 0, 0, 0, 0x55, 0, 0, 0, 0,
        ];
        assert_eq!(Record::parse(&bytes).map(|record| record.key), Some(&b"k"[..]));
    }

    #[test]
    fn what_is_cut_short_or_of_a_wrong_type_is_refused() {
        for bytes in [
            &[10, 2, b'a'][..],
            &[10],
            &[8, 1],
            &[34, 0],
            &[0, 0],
            &[0x3b],
            &[16, 0x80],
            &[16; 1],
            &[0xff; 12],
        ] {
            assert_eq!(Record::parse(bytes), None, "{bytes:?}");
        }
    }
}
