//! What goes into a store and what comes out of it.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

use crate::{Context, StoreError};

/// What a store says about an object it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The key, relative to the store's prefix.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// When the store says it was last written. By the store's clock.
    pub last_modified: Option<DateTime<Utc>>,
    /// Changes when the object does. Never a content hash: stores compute it in ways of their own.
    pub etag: Option<String>,
    /// The version, where the bucket keeps versions.
    pub version_id: Option<String>,
    /// CRC64/NVME of all bytes, where the store knows it. Listings do not carry it.
    pub crc64nvme: Option<u64>,
    /// What the store says of a lock, where it tells us. Only `head` carries it.
    pub lock: Option<Lock>,
}

/// What keeps an object from being deleted: S3's Object Lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// A retention, in the past when it is over.
    Until(DateTime<Utc>),
    /// A legal hold: until somebody lifts it.
    Held,
}

impl Lock {
    /// Whether it still holds.
    pub fn holds(self, now: DateTime<Utc>) -> bool {
        match self {
            Self::Until(end) => end > now,
            Self::Held => true,
        }
    }

    /// When it ends, if that is known.
    pub fn end(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Until(end) => Some(end),
            Self::Held => None,
        }
    }
}

/// May a put replace an object?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// Only a key that holds nothing yet; otherwise [`StoreError::AlreadyExists`].
    Create,
    /// Whatever was there is replaced.
    Overwrite,
}

/// Which bytes to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetRange {
    /// First byte wanted, from 0. At or past the end of a non-empty object it is
    /// [`StoreError::InvalidRequest`].
    pub offset: u64,
    /// How many bytes; to the end when absent. More than there are gives what there is.
    pub length: Option<u64>,
    /// Read only if the object still has this entity tag, else [`StoreError::Changed`].
    pub if_match: Option<String>,
}

impl GetRange {
    /// The whole object.
    pub fn all() -> Self {
        Self::default()
    }

    /// From `offset` to the end.
    pub fn from(offset: u64) -> Self {
        Self {
            offset,
            ..Self::default()
        }
    }

    /// `length` bytes from `offset`.
    pub fn span(offset: u64, length: u64) -> Self {
        Self {
            offset,
            length: Some(length),
            if_match: None,
        }
    }

    /// Which bytes that is of an object of `size` bytes; none if it begins at or past the end. S3 answers 416
    /// then. An empty object read from its beginning is simply empty.
    pub fn within(&self, size: u64) -> Option<Range<u64>> {
        if self.offset > 0 && self.offset >= size {
            return None;
        }
        let end = self
            .length
            .map_or(size, |length| self.offset.saturating_add(length).min(size));
        Some(self.offset..end)
    }

    /// The error when there is nothing [within](Self::within).
    pub(crate) fn past_the_end(at: Box<Context>) -> StoreError {
        StoreError::InvalidRequest {
            at,
            why: "the range begins at or past the end of the object",
        }
    }

    /// Does this ask for every byte of the object?
    pub fn is_all(&self) -> bool {
        self.offset == 0 && self.length.is_none()
    }
}

/// An object being read.
pub struct GetObject {
    /// The whole object's description: `size` is that of the object, not of the range.
    pub meta: ObjectMeta,
    /// The bytes asked for. Yields exactly as many as the range holds or ends with an error.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl GetObject {
    /// Collects the body, refusing to hold more than `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, StoreError> {
        use futures::StreamExt as _;
        let mut all = Vec::new();
        while let Some(chunk) = self.body.next().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                return Err(StoreError::InvalidRequest {
                    at: Context::new(crate::Operation::Get).key(&self.meta.key).boxed(),
                    why: "the object is larger than the reader allows",
                });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }
}

impl fmt::Debug for GetObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetObject")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, usually in ascending order of their keys.
    pub objects: Vec<ObjectMeta>,
    /// What to pass as `after` for the next page; none on the last. Opaque: only the store that gave it
    /// can read it.
    pub next: Option<String>,
}

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadMeta {
    /// The key it would have become, relative to the store's prefix.
    pub key: String,
    /// The store's name for the upload.
    pub upload_id: String,
    /// When it was begun, by the store's clock, where it says so.
    pub initiated: Option<DateTime<Utc>>,
}

/// How a store keeps a create-only write from replacing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOnly {
    /// The store itself refuses. Two writers at the same instant: one wins.
    Enforced,
    /// The store ignores or rejects the condition, so we look first and then write. Two writers at the
    /// same instant may both believe they won, which is why keys of backups are unique per attempt.
    Checked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(GetRange::all().within(10), Some(0..10));
        assert_eq!(GetRange::span(3, 4).within(10), Some(3..7));
        assert_eq!(GetRange::span(3, u64::MAX).within(10), Some(3..10));
        assert_eq!(GetRange::all().within(0), Some(0..0));
        assert_eq!(GetRange::from(10).within(10), None);
    }
}
