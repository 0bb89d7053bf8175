//! What is remembered of a leaf.
//!
//! ```text
//! plain:     0 crc length { setting value-length value }
//! records:   1 crc length first-row first-revision { (revision - the one before) * 4 + kind }
//! malformed: 2 crc length
//! ```

use etcd_backup_bolt::varint::{Reader, write};

use crate::schema::Setting;

/// Longest value of a setting that is remembered: a downgrade's JSON is the longest, below 100 bytes.
const LONGEST_SETTING: usize = 1024;

/// What the leaf's keys look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// No records: any bucket but `key`.
    Plain,
    /// Records of bucket `key`, all of them sound.
    Records,
    /// Something begins like records and goes on otherwise.
    Malformed,
}

/// What a record does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Makes it: a put with version 1.
    Create,
    /// Changes it: a put with another version.
    Update,
    /// Ends it.
    Delete,
}

/// One record of a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) main: u64,
    pub(super) kind: Kind,
}

/// A memo, read back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memo<'a> {
    pub(super) shape: Shape,
    /// CRC-32C over the leaf's keys and values, and their length.
    pub(super) crc: u32,
    pub(super) length: u64,
    rest: Reader<'a>,
}

pub(super) fn write_head(out: &mut Vec<u8>, shape: Shape, crc: u32, payload: &[u8]) {
    out.push(match shape {
        Shape::Plain => 0,
        Shape::Records => 1,
        Shape::Malformed => 2,
    });
    out.extend(crc.to_le_bytes());
    write(out, u64::try_from(payload.len()).unwrap_or(u64::MAX));
}

/// Appends a setting to the head of a plain memo. One of absurd length is left out, and so counts as absent.
pub(super) fn write_setting(out: &mut Vec<u8>, setting: Setting, value: &[u8]) {
    if value.len() <= LONGEST_SETTING {
        out.push(setting as u8);
        write(out, u64::try_from(value.len()).unwrap_or(0));
        out.extend_from_slice(value);
    }
}

/// Appends a record, given the revision of the one before (0 at first). False if the revision cannot be written, which
/// takes more than 2^61 transactions.
pub(super) fn write_mark(out: &mut Vec<u8>, before: u64, mark: Mark) -> bool {
    let kind = match mark.kind {
        Kind::Create => 0,
        Kind::Update => 1,
        Kind::Delete => 2,
    };
    let packed = mark
        .main
        .checked_sub(before)
        .and_then(|step| step.checked_mul(4))
        .map(|step| step | kind);
    packed.map(|packed| write(out, packed)).is_some()
}

impl<'a> Memo<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let shape = match rest.byte()? {
            0 => Shape::Plain,
            1 => Shape::Records,
            2 => Shape::Malformed,
            _ => return None,
        };
        let crc = rest
            .bytes(4)?
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes))?;
        let length = rest.number()?;
        Some(Self {
            shape,
            crc,
            length,
            rest,
        })
    }

    /// The value of a setting, if this plain leaf has it.
    pub(super) fn setting(&self, wanted: Setting) -> Option<&'a [u8]> {
        let mut rest = self.rest;
        if self.shape != Shape::Plain {
            return None;
        }
        loop {
            let setting = Setting::from_code(rest.byte()?)?;
            let length = rest.size()?;
            let value = rest.bytes(length)?;
            if setting == wanted {
                return Some(value);
            }
        }
    }

    /// Reads the records of a leaf of records into `marks`, and returns the row of the first one.
    pub(super) fn marks(&self, marks: &mut Vec<Mark>) -> Option<usize> {
        marks.clear();
        let mut rest = self.rest;
        if self.shape != Shape::Records {
            return Some(0);
        }
        let row = rest.size()?;
        let mut main = 0_u64;
        while !rest.0.is_empty() {
            let packed = rest.number()?;
            main = main.checked_add(packed >> 2)?;
            let kind = match packed & 3 {
                0 => Kind::Create,
                1 => Kind::Update,
                _ => Kind::Delete,
            };
            marks.push(Mark { main, kind });
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive() {
        let marks = [
            Mark {
                main: 1 << 40,
                kind: Kind::Update,
            },
            Mark {
                main: 1 << 40,
                kind: Kind::Create,
            },
            Mark {
                main: (1 << 40) + 9,
                kind: Kind::Delete,
            },
        ];
        let mut out = Vec::new();
        write_head(&mut out, Shape::Records, 77, b"payload");
        write(&mut out, 12);
        let mut before = 0;
        for mark in marks {
            assert!(write_mark(&mut out, before, mark));
            before = mark.main;
        }
        let memo = Memo::read(&out).unwrap();
        assert_eq!((memo.shape, memo.crc, memo.length), (Shape::Records, 77, 7));
        let mut back = Vec::new();
        assert_eq!(memo.marks(&mut back), Some(12));
        assert_eq!(back, marks);
    }

    #[test]
    fn settings_survive_and_absurd_ones_are_absent() {
        let mut out = Vec::new();
        write_head(&mut out, Shape::Plain, 1, b"");
        write_setting(&mut out, Setting::Downgrade, &vec![b'x'; 5000]);
        write_setting(&mut out, Setting::Term, b"12345678");
        let memo = Memo::read(&out).unwrap();
        assert_eq!(memo.setting(Setting::Term), Some(&b"12345678"[..]));
        assert_eq!(memo.setting(Setting::Downgrade), None);
        assert_eq!(memo.setting(Setting::ConsistentIndex), None);
    }
}
