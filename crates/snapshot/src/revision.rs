//! Revisions as keys of bucket `key` (`server/storage/mvcc/revision.go`).

use etcd_backup_bolt::walk::{Bucket, ReadAt};

use crate::error::VerifyError;

/// Bytes of a revision: main, '_', sub.
const LENGTH: usize = 17;
/// A deletion has one byte more.
const TOMBSTONE: u8 = b't';

/// When something happened: the transaction and the place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision {
    /// The transaction.
    pub main: i64,
    /// The change within it.
    pub sub: i64,
}

impl Revision {
    /// Reads the key of a record as `BytesToBucketKey` does: the revision, and whether the record is a deletion. `None`
    /// where etcd panics.
    pub fn of_record(key: &[u8]) -> Option<(Self, bool)> {
        let (revision, mark) = key.split_first_chunk::<LENGTH>()?;
        let revision = Self::from_bytes(revision)?;
        match mark {
            [] => Some((revision, false)),
            [mark] => Some((revision, *mark == TOMBSTONE)),
            _ => None,
        }
    }

    /// Reads a revision kept as a value (`scheduledCompactRev`, `finishedCompactRev`).
    pub fn from_value(value: &[u8]) -> Option<Self> {
        Self::of_record(value).map(|(revision, _)| revision)
    }

    /// The main revision of the last record of bucket `key`, 0 if there is none.
    pub(crate) fn last_of<R: ReadAt>(keys: &Bucket<'_, R>) -> Result<i64, VerifyError> {
        let what = "a key that is no revision";
        let last = keys.last().map_err(VerifyError::Structure)?;
        let Some((key, _)) = last else { return Ok(0) };
        let last = Self::of_record(&key).ok_or(VerifyError::Record { what, after: 0 })?;
        Ok(last.0.main)
    }

    /// The key of a put at this revision, and the form in which revisions are kept as values (`RevToBytes`).
    pub(crate) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [b'_'; LENGTH];
        let (main, rest) = bytes.split_at_mut(8);
        main.copy_from_slice(&self.main.to_be_bytes());
        if let Some(sub) = rest.get_mut(1..) {
            sub.copy_from_slice(&self.sub.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; LENGTH]) -> Option<Self> {
        let (main, rest) = bytes.split_first_chunk::<8>()?;
        let (separator, sub) = rest.split_first()?;
        let sub = sub.first_chunk::<8>()?;
        let revision = Self {
            main: i64::from_be_bytes(*main),
            sub: i64::from_be_bytes(*sub),
        };
        (*separator == b'_' && revision.main >= 0 && revision.sub >= 0).then_some(revision)
    }

    /// Whether a key has the shape of a record's, whatever its numbers.
    pub(crate) fn is_shape_of(key: &[u8]) -> bool {
        matches!(key.len(), 17 | 18) && key.get(8) == Some(&b'_')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(main: i64, sub: i64, tail: &[u8]) -> Vec<u8> {
        [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes(), tail].concat()
    }

    #[test]
    fn puts_and_deletions_are_told_apart() {
        let revision = Revision { main: 7, sub: 2 };
        assert_eq!(Revision::of_record(&key(7, 2, b"")), Some((revision, false)));
        assert_eq!(Revision::of_record(&key(7, 2, b"t")), Some((revision, true)));
    }

    #[test]
    fn a_revision_is_written_as_it_is_read() {
        let revision = Revision { main: 300, sub: 7 };
        assert_eq!(revision.to_bytes().to_vec(), key(300, 7, b""));
    }

    #[test]
    fn what_makes_etcd_panic_is_no_revision() {
        for bytes in [
            key(-1, 0, b""),
            key(1, -1, b""),
            key(1, 1, b"tt"),
            key(1, 1, b"")[..16].to_vec(),
            Vec::new(),
            [&[0; 8][..], b"-", &[0; 8]].concat(),
        ] {
            assert_eq!(Revision::of_record(&bytes), None, "{bytes:?}");
        }
    }
}
