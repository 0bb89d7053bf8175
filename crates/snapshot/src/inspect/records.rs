//! Bucket `key`, record by record: the history of all keys in the order of revisions.

use etcd_backup_bolt::walk::{ReadAt, Walk};

use super::error::InspectError;
use super::fields::{Field, Fields};
use crate::revision::Revision;

/// One change of one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'w> {
    pub(super) revision: Revision,
    pub(super) deletion: bool,
    /// Bytes it takes in its leaf: an entry of the directory, key and value.
    pub(super) stored: u64,
    pub(super) put: Put<'w>,
}

/// A value of bucket `key`: `mvccpb.KeyValue` (`api/mvccpb/kv.proto`). A deletion has only the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Put<'w> {
    pub(super) key: &'w [u8],
    pub(super) create_revision: i64,
    pub(super) version: i64,
    pub(super) value: &'w [u8],
    pub(super) lease: i64,
}

impl<'w> Put<'w> {
    /// As strict as etcd's decoder: known fields have their wire type, unknown ones are skipped.
    fn parse(bytes: &'w [u8]) -> Option<Self> {
        let mut put = Self::default();
        for field in Fields::of(bytes) {
            match field.ok()? {
                (1, Field::Bytes(key)) => put.key = key,
                (2, Field::Number(number)) => put.create_revision = number.cast_signed(),
                // The revision that the record's own key says.
                (3, Field::Number(_)) => {}
                (4, Field::Number(number)) => put.version = number.cast_signed(),
                (5, Field::Bytes(value)) => put.value = value,
                (6, Field::Number(number)) => put.lease = number.cast_signed(),
                (1..=6, _) => return None,
                _ => {}
            }
        }
        Some(put)
    }
}

/// A pass over the records, up to a revision.
#[derive(Debug)]
pub(super) struct Records<'s, R> {
    walk: Walk<'s, R>,
    last: i64,
    after: i64,
}

impl<'s, R: ReadAt> Records<'s, R> {
    /// Records of a walk over bucket `key`, up to and including main revision `last`.
    pub(super) fn new(walk: Walk<'s, R>, last: i64) -> Self {
        Self { walk, last, after: 0 }
    }

    /// The next record; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>, InspectError> {
        let Some((key, value)) = self.walk.next()? else {
            return Ok(None);
        };
        let after = self.after;
        let corrupt = |what| InspectError::Record { what, after };
        let (revision, deletion) = Revision::of_record(key).ok_or(corrupt("a key that is no revision"))?;
        if revision.main > self.last {
            return Ok(None);
        }
        let put = Put::parse(value).ok_or(corrupt("a value that is no record"))?;
        self.after = revision.main;
        let lengths = [16, key.len(), value.len()].map(|length| u64::try_from(length).unwrap_or(u64::MAX));
        Ok(Some(Record {
            revision,
            deletion,
            stored: lengths.into_iter().fold(0, u64::saturating_add),
            put,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_is_read_whole() {
        let bytes = [
            10, 2, b'a', b'b', 16, 5, 24, 0xac, 2, 32, 2, 42, 1, b'v', 48, 9, 0x38, 1,
        ];
        let put = Put {
            key: b"ab",
            create_revision: 5,
            version: 2,
            value: b"v",
            lease: 9,
        };
        assert_eq!(Put::parse(&bytes), Some(put));
        assert_eq!(Put::parse(&[]), Some(Put::default()));
    }

    #[test]
    fn known_fields_have_their_type() {
        for bytes in [
            &[8, 1][..],
            &[18, 0],
            &[26, 0],
            &[34, 0],
            &[40, 1],
            &[50, 0],
            &[10, 9, 1],
        ] {
            assert_eq!(Put::parse(bytes), None, "{bytes:?}");
        }
    }
}
