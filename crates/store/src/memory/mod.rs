//! A store in memory, for tests and for trying things out.
//!
//! Same semantics as the others, every call atomic. Clones share their objects.

mod upload;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;

use crate::object::{GetObject, GetRange, Listing, ObjectMeta, PutMode, UploadMeta};
use crate::{Context, Operation, Store, StoreError, Upload, checksum, key};

/// Objects in a page of a listing. Small, so that paging is exercised by modest tests.
const PAGE: usize = 100;
/// Bytes yielded at once when reading.
const CHUNK: usize = 64 * 1024;

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    part_size: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Held>,
    uploads: BTreeMap<String, Begun>,
    /// Counts writes; makes entity tags that differ.
    writes: u64,
}

#[derive(Debug, Clone)]
struct Held {
    bytes: Bytes,
    crc64nvme: u64,
    etag: String,
    modified: SystemTime,
}

#[derive(Debug)]
struct Begun {
    key: String,
    initiated: SystemTime,
    parts: BTreeMap<u32, Bytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same store with parts of another size than 8 MiB, so that a test need not move megabytes.
    #[must_use]
    pub fn with_part_size(mut self, part_size: usize) -> Self {
        self.part_size = Some(part_size.max(1));
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere cannot leave the maps half-changed: each change is one insert or remove.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn store(&mut self, key: &str, bytes: Bytes) -> ObjectMeta {
        self.writes += 1;
        let held = Held {
            crc64nvme: checksum::crc64nvme(&bytes),
            etag: format!("\"{:x}\"", self.writes),
            modified: SystemTime::now(),
            bytes,
        };
        let meta = held.meta(key);
        self.objects.insert(key.to_owned(), held);
        meta
    }
}

impl Held {
    fn meta(&self, key: &str) -> ObjectMeta {
        ObjectMeta {
            key: key.to_owned(),
            size: self.bytes.len() as u64,
            last_modified: Some(self.modified.into()),
            etag: Some(self.etag.clone()),
            version_id: None,
            crc64nvme: Some(self.crc64nvme),
            lock: None,
        }
    }
}

fn at(operation: Operation, key: &str) -> Context {
    Context::new(operation).key(key)
}

#[async_trait]
impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory:".to_owned()
    }

    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        key::check(key)?;
        let mut state = self.state();
        if mode == PutMode::Create && state.objects.contains_key(key) {
            return Err(StoreError::AlreadyExists {
                at: at(Operation::Put, key).boxed(),
            });
        }
        Ok(state.store(key, body))
    }

    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        key::check(key)?;
        let id = key::unique_name();
        self.state().uploads.insert(
            id.clone(),
            Begun {
                key: key.to_owned(),
                initiated: SystemTime::now(),
                parts: BTreeMap::new(),
            },
        );
        Ok(Box::new(upload::MemoryUpload::new(self.clone(), id, key)))
    }

    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        key::check(key)?;
        let at = || at(Operation::Get, key).boxed();
        let held = self
            .state()
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| StoreError::NotFound { at: at() })?;
        if range.if_match.as_ref().is_some_and(|wanted| *wanted != held.etag) {
            return Err(StoreError::Changed { at: at() });
        }
        let span = range.within(held.bytes.len() as u64);
        let span = span.ok_or_else(|| GetRange::past_the_end(at()))?;
        let meta = held.meta(key);
        let mut rest = held.bytes.slice(span.start as usize..span.end as usize);
        let body = futures::stream::iter(std::iter::from_fn(move || {
            let chunk = rest.split_to(rest.len().min(CHUNK));
            (!chunk.is_empty()).then_some(Ok(chunk))
        }));
        Ok(GetObject {
            meta,
            body: body.boxed(),
        })
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        key::check(key)?;
        self.state()
            .objects
            .get(key)
            .map(|held| held.meta(key))
            .ok_or_else(|| StoreError::NotFound {
                at: at(Operation::Head, key).boxed(),
            })
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        key::check_prefix(prefix)?;
        let from = match after {
            Some(last) => Bound::Excluded(last),
            None => Bound::Included(prefix),
        };
        let state = self.state();
        let mut found = state
            .objects
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, held)| held.meta(key));
        let objects: Vec<ObjectMeta> = found.by_ref().take(PAGE).collect();
        let next = found
            .next()
            .and_then(|_| objects.last().map(|last| last.key.clone()));
        Ok(Listing { objects, next })
    }

    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        key::check_folder(prefix)?;
        let mut folders: Vec<String> = self
            .state()
            .objects
            .keys()
            .filter_map(|key| key::folder_below(prefix, key))
            .collect();
        // Keys ascend, but "a/b-" sorts between "a/b" and "a/b/": folders need not come in a row.
        folders.sort();
        folders.dedup();
        Ok(folders)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        key::check(key)?;
        self.state().objects.remove(key);
        Ok(())
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        key::check_prefix(prefix)?;
        let mut uploads: Vec<UploadMeta> = self
            .state()
            .uploads
            .iter()
            .filter(|(_, begun)| begun.key.starts_with(prefix))
            .map(|(id, begun)| UploadMeta {
                key: begun.key.clone(),
                upload_id: id.clone(),
                initiated: Some(begun.initiated.into()),
            })
            .collect();
        uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
        Ok(uploads)
    }

    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        self.state().uploads.remove(&upload.upload_id);
        Ok(())
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let outcome = crate::contract::run(|| async { Ok(MemoryStore::new().with_part_size(1 << 16)) }).await;
        assert_eq!(outcome, Ok(()));
    }
}
