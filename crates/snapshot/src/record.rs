//! Values of bucket `key`: `mvccpb.KeyValue` in protobuf (`api/mvccpb/kv.proto`).

use crate::fields::{Field, Fields};

/// A record. A deletion has only the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Record<'a> {
    /// Field 1: the user's key.
    pub(crate) key: &'a [u8],
    /// Field 2: the main revision at which the key was created.
    pub(crate) create_revision: i64,
    /// Field 4: 1 when the key was created, counting up from there. 0 in a deletion.
    pub(crate) version: i64,
    /// Field 5: the user's value.
    pub(crate) value: &'a [u8],
    /// Field 6: the lease that the key is attached to, 0 if none.
    pub(crate) lease: i64,
}

impl<'a> Record<'a> {
    /// Reads a record to its end, as strictly as etcd's decoder: known fields have their wire type, unknown ones are
    /// skipped, nothing is cut short. Groups, which no version of etcd writes, are refused.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut record = Self::default();
        for field in Fields::of(bytes) {
            match field.ok()? {
                (1, Field::Bytes(key)) => record.key = key,
                (2, Field::Number(number)) => record.create_revision = number.cast_signed(),
                // The revision that the record's own key says.
                (3, Field::Number(_)) => {}
                (4, Field::Number(number)) => record.version = number.cast_signed(),
                (5, Field::Bytes(value)) => record.value = value,
                (6, Field::Number(number)) => record.lease = number.cast_signed(),
                (1..=6, _) => return None,
                _ => {}
            }
        }
        Some(record)
    }
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
                create_revision: 5,
                version: 2,
                value: b"v",
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
                ..Record::default()
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
            &[10, 9, 1],
            &[8, 1],
            &[18, 0],
            &[26, 0],
            &[34, 0],
            &[40, 1],
            &[50, 0],
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
