//! A store that may refuse to delete, and tells of locks.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use etcd_backup_store::{
    Context, GetObject, GetRange, Listing, Lock, MemoryStore, ObjectMeta, Operation, PutMode, Store,
    StoreError, Upload, UploadMeta,
};

/// Something that happens once.
type Event = Box<dyn FnOnce() + Send>;

/// A store that may refuse to delete, and tells of locks.
pub(in crate::upkeep::tests) struct Guarded {
    pub(in crate::upkeep::tests) store: MemoryStore,
    pub(in crate::upkeep::tests) locks: Mutex<BTreeMap<String, Lock>>,
    pub(in crate::upkeep::tests) locked: AtomicBool,
    pub(in crate::upkeep::tests) deletes: AtomicUsize,
    /// Its clock minus ours, in seconds.
    pub(in crate::upkeep::tests) ahead: Mutex<Option<i64>>,
    /// What happens when something is deleted next.
    pub(in crate::upkeep::tests) at_delete: Mutex<Option<Event>>,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl Store for Guarded {
    fn location(&self) -> String {
        self.store.location()
    }
    fn clock_offset(&self) -> Option<i64> {
        *self.ahead.lock().unwrap()
    }
    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        self.store.put(key, body, mode).await
    }
    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        self.store.upload(key).await
    }
    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        self.store.get(key, range).await
    }
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let lock = self.locks.lock().unwrap().get(key).copied();
        let meta = self.store.head(key).await?;
        Ok(ObjectMeta { lock, ..meta })
    }
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.store.list(prefix, after).await
    }
    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.store.list_prefixes(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.deletes.fetch_add(1, Ordering::SeqCst);
        let event = self.at_delete.lock().unwrap().take();
        if let Some(event) = event {
            event();
        }
        if self.locked.load(Ordering::SeqCst) {
            return Err(StoreError::Locked {
                at: Context::new(Operation::Delete).key(key).boxed(),
                until: None,
            });
        }
        self.store.delete(key).await
    }
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        self.store.list_uploads(prefix).await
    }
    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        self.store.abort_upload(upload).await
    }
}
