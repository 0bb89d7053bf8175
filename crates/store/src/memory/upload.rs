//! An upload into memory.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{MemoryStore, at};
use crate::parts::{self, PartSize};
use crate::{ObjectMeta, Operation, StoreError, Upload, UploadMeta};

pub(super) struct MemoryUpload {
    store: MemoryStore,
    id: String,
    key: String,
    sizes: PartSize,
}

impl MemoryUpload {
    pub(super) fn new(store: MemoryStore, id: String, key: &str) -> Self {
        let sizes = PartSize::new(store.part_size.unwrap_or(parts::DEFAULT_PART_SIZE));
        Self {
            store,
            id,
            key: key.to_owned(),
            sizes,
        }
    }

    fn gone(&self, operation: Operation) -> StoreError {
        StoreError::NoSuchUpload {
            at: at(operation, &self.key).boxed(),
        }
    }
}

#[async_trait]
impl Upload for MemoryUpload {
    fn part_size(&self) -> usize {
        self.sizes.bytes()
    }

    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError> {
        self.sizes.check(number, body.len(), &self.key)?;
        let mut state = self.store.state();
        let begun = state
            .uploads
            .get_mut(&self.id)
            .ok_or_else(|| self.gone(Operation::UploadPart))?;
        begun.parts.insert(number, body);
        Ok(())
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError> {
        let mut state = self.store.state();
        let begun = state
            .uploads
            .remove(&self.id)
            .ok_or_else(|| self.gone(Operation::CompleteUpload))?;
        let lengths = begun.parts.iter().map(|(n, body)| (*n, body.len()));
        self.sizes.check_all(lengths, &self.key)?;
        if state.objects.contains_key(&self.key) {
            return Err(StoreError::AlreadyExists {
                at: at(Operation::CompleteUpload, &self.key).boxed(),
            });
        }
        let mut whole = BytesMut::new();
        for body in begun.parts.values() {
            whole.extend_from_slice(body);
        }
        Ok(state.store(&self.key, whole.freeze()))
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        let upload = UploadMeta {
            key: self.key.clone(),
            upload_id: self.id.clone(),
            initiated: None,
        };
        crate::Store::abort_upload(&self.store, &upload).await
    }

    fn expect(&mut self, bytes: u64) {
        self.sizes = self.sizes.fitting(bytes);
    }
}
