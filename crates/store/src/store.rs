//! The two traits: a store, and an upload to it.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{CreateOnly, GetObject, GetRange, Listing, ObjectMeta, PutMode, StoreError, UploadMeta};

/// A place that holds objects by key.
///
/// # Guarantees
///
/// - Objects appear whole: no reader sees half of a put or of a completed upload.
/// - Calls retry what is transient, within bounds, and resolve lost answers by looking: a put whose
///   answer was lost is reported as what it was.
/// - Dropping a call's future is safe; what was under way may or may not have happened.
#[async_trait]
pub trait Store: std::fmt::Debug + Send + Sync {
    /// Where this is, safe to show anyone: `s3://bucket/prefix`, `file:///path`, `memory:`.
    fn location(&self) -> String;

    /// The store's clock minus ours in seconds, by its last answer. `None` for one that tells no time, or did not yet.
    fn clock_offset(&self) -> Option<i64> {
        None
    }

    /// Stores a small object in one request.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] in [`PutMode::Create`] when somebody else's object is there.
    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError>;

    /// Begins an upload in parts. Create-only at its completion.
    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError>;

    /// Opens an object for reading.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Changed`] when `if_match` no longer holds.
    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError>;

    /// Describes an object.
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError>;

    /// One page of the objects whose keys start with `prefix` (plain text: `a/b` matches `a/bc`).
    /// `after` is what an earlier page of the same listing gave as [`Listing::next`].
    /// Use [`list_all`](crate::list_all) for all of them.
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError>;

    /// The "folders" directly below `prefix`, which is empty or ends with `/`: each is `prefix` plus one
    /// segment plus `/`. Ascending, without duplicates.
    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// Removes an object. Absent is fine: the wanted state is reached.
    ///
    /// # Errors
    /// [`StoreError::PermissionDenied`] by a policy; [`StoreError::Locked`] by a retention.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// The unfinished uploads whose keys start with `prefix`, anyone's: the caller decides which are its own.
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError>;

    /// Ends an unfinished upload and frees its parts. Absent is fine.
    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError>;

    /// Finds out whether the store itself refuses to create where something is, by creating `key` once more with the bytes that are
    /// there: whatever it does, what it holds is the same afterwards. Remembers the answer, and where it is no, looks before it
    /// creates from then on as it did before it knew. A store that is no server's refuses.
    ///
    /// # Errors
    /// The store did not answer, or not as it did when `key` was written.
    async fn creates_only(&self, key: &str, there: Bytes) -> Result<CreateOnly, StoreError> {
        let _ = (key, there);
        Ok(CreateOnly::Enforced)
    }
}

/// An upload in parts, begun by [`Store::upload`].
///
/// Parts are numbered from 1 without gaps; every part but the last is exactly [`part_size`](Self::part_size)
/// bytes (some stores refuse anything else). Nothing is visible under the key before
/// [`complete`](Self::complete).
#[async_trait]
pub trait Upload: Send + Sync {
    /// Bytes in every part but the last, which may be shorter but not empty.
    fn part_size(&self) -> usize;

    /// Before the first part: so many bytes will be sent at most. Parts become larger where as many of the usual size as
    /// there may be do not hold them.
    fn expect(&mut self, bytes: u64);

    /// Sends one part. Parts may be sent concurrently and in any order. Retried inside: when this fails,
    /// the upload has failed.
    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError>;

    /// Makes the object appear, create-only where the store can, and proves that it is what was sent:
    /// length always, CRC64/NVME where the store tells it.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] when the key is taken; [`StoreError::Corrupted`] when the store holds
    /// something else than was sent (it is then removed). After any error the upload is given up: it is
    /// aborted, and if that fails too, [`Store::list_uploads`] finds it later.
    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError>;

    /// Gives the upload up and frees its parts.
    async fn abort(self: Box<Self>) -> Result<(), StoreError>;
}
