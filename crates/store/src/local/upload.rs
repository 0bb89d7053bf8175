//! An upload into a directory: one file, each part written at its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::LocalStore;
use super::error::Failure;
use super::staging::{self, Staged};
use crate::object::PutMode;
use crate::parts::PartSize;
use crate::{ObjectMeta, Operation, StoreError, Upload, checksum};

pub(super) struct LocalUpload {
    store: LocalStore,
    key: String,
    sizes: PartSize,
    staged: Arc<Staged>,
    parts: Mutex<BTreeMap<u32, Written>>,
}

#[derive(Clone, Copy)]
struct Written {
    length: usize,
    crc64nvme: u64,
}

impl LocalUpload {
    pub(super) fn new(store: LocalStore, key: &str, staged: Staged) -> Self {
        Self {
            sizes: PartSize::new(store.part_size),
            store,
            key: key.to_owned(),
            staged: Arc::new(staged),
            parts: Mutex::default(),
        }
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<u32, Written>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Upload for LocalUpload {
    fn part_size(&self) -> usize {
        self.sizes.bytes()
    }

    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError> {
        self.sizes.check(number, body.len(), &self.key)?;
        let staged = Arc::clone(&self.staged);
        let offset = u64::from(number - 1) * self.sizes.bytes() as u64;
        let written = self
            .store
            .blocking(Operation::UploadPart, &self.key, move |_| {
                if !staged.exists() {
                    return Err(Failure::NoUpload);
                }
                staged.write_at(offset, &body)?;
                Ok(Written {
                    length: body.len(),
                    crc64nvme: checksum::crc64nvme(&body),
                })
            })
            .await?;
        self.parts().insert(number, written);
        Ok(())
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError> {
        let parts = self.parts().clone();
        let lengths = parts.iter().map(|(number, part)| (*number, part.length));
        let total = match self.sizes.check_all(lengths, &self.key) {
            Ok(total) => total,
            Err(error) => {
                // The broken upload is what the caller should hear of, not that it could not be swept.
                let _ = self.abort().await;
                return Err(error);
            }
        };
        let crc = parts.values().fold(0, |crc, part| {
            checksum::combine(crc, part.crc64nvme, part.length as u64)
        });
        let Self {
            store,
            key,
            staged,
            parts: _,
            sizes: _,
        } = *self;
        let name = key.clone();
        let mut meta = store
            .blocking(Operation::CompleteUpload, &key, move |store| {
                // No part can be under way: each borrows the upload.
                let staged = Arc::into_inner(staged)
                    .ok_or(Failure::NoUpload)?
                    .discard_on_drop();
                staged.truncate(total)?;
                staged.publish(&store.root, &name, PutMode::Create)
            })
            .await?;
        meta.crc64nvme = Some(crc);
        Ok(meta)
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        let id = self.staged.id().to_owned();
        self.store
            .blocking(Operation::AbortUpload, &self.key, move |store| {
                staging::discard(&store.root, &id)
            })
            .await
    }

    fn expect(&mut self, bytes: u64) {
        self.sizes = self.sizes.fitting(bytes);
    }
}
