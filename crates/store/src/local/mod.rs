//! A directory as a store: a mounted volume, an NFS share, a laptop's disk.
//!
//! ```text
//! <root>/<key>                      an object, 0600 in directories of 0700
//! <root>/.uploads/<id>/key          the key that the upload is for
//! <root>/.uploads/<id>/data         its bytes so far
//! ```
//!
//! An object is written below `.uploads`, synced, and then linked (create-only) or renamed (overwrite) to
//! its key, so it appears whole or not at all, also when the machine dies. What a killed process leaves
//! behind is an upload that [`Store::list_uploads`] lists. The directory must exist; it is never created,
//! because a path that is missing is usually a volume that is not mounted.

mod error;
mod file;
mod staging;
mod upload;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::object::{GetObject, GetRange, Listing, ObjectMeta, PutMode, UploadMeta};
use crate::parts::DEFAULT_PART_SIZE;
use crate::{Context, Operation, Store, StoreError, Upload, checksum, key};

/// Objects in a page of a listing; as S3.
const PAGE: usize = 1000;

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: Arc<Path>,
    part_size: usize,
}

impl LocalStore {
    /// A store in this directory, which must be an absolute path. Whether the directory exists is asked by
    /// each call, since volumes come and go.
    ///
    /// # Errors
    /// [`StoreError::InvalidConfig`] if the path is relative or contains `..`.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let climbs = root
            .components()
            .any(|part| matches!(part, std::path::Component::ParentDir));
        if !root.is_absolute() || climbs {
            return Err(StoreError::InvalidConfig {
                field: "path",
                why: "it must be an absolute path without '..'".to_owned(),
            });
        }
        Ok(Self {
            root: root.into(),
            part_size: DEFAULT_PART_SIZE,
        })
    }

    /// The same store with parts of another size than 8 MiB.
    #[must_use]
    pub fn with_part_size(mut self, part_size: usize) -> Self {
        self.part_size = part_size.max(1);
        self
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Runs file work on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: Operation,
        key: &str,
        work: impl FnOnce(&Self) -> Result<T, error::Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let outcome = tokio::task::spawn_blocking(move || {
            store.present()?;
            work(&store)
        })
        .await;
        let at = || Context::new(operation).key(key);
        match outcome {
            Ok(result) => result.map_err(|failure| failure.explain(at(), &self.root)),
            Err(_) => Err(StoreError::Unavailable {
                at: at().boxed(),
                source: crate::error::Cause::new("the file task was cancelled or panicked"),
            }),
        }
    }

    fn present(&self) -> Result<(), error::Failure> {
        if self.root.is_dir() {
            Ok(())
        } else {
            Err(error::Failure::NoRoot)
        }
    }
}

#[async_trait]
impl Store for LocalStore {
    fn location(&self) -> String {
        format!("file://{}", self.root.display())
    }

    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        key::check(key)?;
        let name = key.to_owned();
        self.blocking(Operation::Put, key, move |store| {
            let staged = staging::Staged::begin(&store.root, &name)?;
            staged.write_at(0, &body)?;
            let mut meta = staged.publish(&store.root, &name, mode)?;
            meta.crc64nvme = Some(checksum::crc64nvme(&body));
            Ok(meta)
        })
        .await
    }

    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        key::check(key)?;
        let name = key.to_owned();
        let staged = self
            .blocking(Operation::BeginUpload, key, move |store| {
                staging::Staged::begin(&store.root, &name).map(staging::Staged::keep)
            })
            .await?;
        Ok(Box::new(upload::LocalUpload::new(self.clone(), key, staged)))
    }

    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        key::check(key)?;
        let name = key.to_owned();
        let opened = self
            .blocking(Operation::Get, key, move |store| {
                file::open(&store.path(&name), &name, &range)
            })
            .await?;
        Ok(opened.into_object(key))
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        key::check(key)?;
        let name = key.to_owned();
        self.blocking(Operation::Head, key, move |store| {
            file::describe(&store.path(&name), &name)
        })
        .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        key::check_prefix(prefix)?;
        let wanted = prefix.to_owned();
        let after = after.map(str::to_owned);
        self.blocking(Operation::List, prefix, move |store| {
            walk::page(&store.root, &wanted, after.as_deref(), PAGE)
        })
        .await
    }

    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        key::check_folder(prefix)?;
        let folder = prefix.to_owned();
        self.blocking(Operation::List, prefix, move |store| {
            walk::folders(&store.root, &folder)
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check(key)?;
        let name = key.to_owned();
        self.blocking(Operation::Delete, key, move |store| {
            file::remove(&store.root, &name)
        })
        .await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        key::check_prefix(prefix)?;
        let wanted = prefix.to_owned();
        self.blocking(Operation::ListUploads, prefix, move |store| {
            staging::list(&store.root, &wanted)
        })
        .await
    }

    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        let id = upload.upload_id.clone();
        self.blocking(Operation::AbortUpload, &upload.key, move |store| {
            staging::discard(&store.root, &id)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
