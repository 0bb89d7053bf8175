//! A store that fails at a chosen operation.

mod upload;

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use etcd_backup_store::{
    Context, GetObject, GetRange, Listing, MemoryStore, ObjectMeta, Operation, PutMode, Store, StoreError,
    Upload, UploadMeta,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::Notify;

use super::Lies;
use upload::FaultyUpload;

/// The operations, without what they are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Put,
    Upload,
    Part,
    Complete,
    Abort,
    Get,
    Head,
    List,
    Delete,
    ListUploads,
    AbortUpload,
}

/// What happens at an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is not done, and fails.
    Fail(fn() -> StoreError),
    /// It is done, and its answer is lost.
    LoseAnswer(fn() -> StoreError),
    /// It is not done, and never answers.
    Hang,
    /// It is done, and never answers.
    DoAndHang,
}

/// Which operations a fault is for.
#[derive(Debug, Clone, Copy)]
enum When {
    /// The one with this number, from 0.
    Nth(usize),
    /// So many of a kind.
    Next(Op, usize),
}

/// A [`MemoryStore`] with faults and lies. Clones share everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faulty {
    pub(crate) inner: MemoryStore,
    pub(crate) lies: Lies,
    /// How long a part is under way.
    pub(crate) part_takes: Duration,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    count: AtomicUsize,
    faults: Mutex<Vec<(When, Fault)>>,
    log: Mutex<Vec<(Op, String)>>,
    /// Told when an operation hangs.
    hung: Notify,
    parts_now: AtomicUsize,
    parts_most: AtomicUsize,
}

/// A transient failure.
pub(crate) fn down() -> StoreError {
    StoreError::Timeout {
        at: Context::new(Operation::Put).boxed(),
        after: Duration::from_secs(30),
    }
}

/// One that lasts.
pub(crate) fn denied() -> StoreError {
    StoreError::PermissionDenied {
        at: Context::new(Operation::Put).status(403).boxed(),
        permission: None,
    }
}

impl Faulty {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            ..Self::default()
        }
    }

    pub(crate) fn with_lies(self, lies: Lies) -> Self {
        Self { lies, ..self }
    }

    /// The operation with this number, from 0.
    pub(crate) fn at(self, number: usize, fault: Fault) -> Self {
        self.shared
            .faults
            .lock()
            .unwrap()
            .push((When::Nth(number), fault));
        self
    }

    /// The next so many of a kind.
    pub(crate) fn on(self, op: Op, times: usize, fault: Fault) -> Self {
        self.shared
            .faults
            .lock()
            .unwrap()
            .push((When::Next(op, times), fault));
        self
    }

    pub(crate) fn arc(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    pub(crate) fn log(&self) -> Vec<(Op, String)> {
        self.shared.log.lock().unwrap().clone()
    }

    /// The most parts that were under way at once.
    pub(crate) fn most_parts(&self) -> usize {
        self.shared.parts_most.load(Ordering::SeqCst)
    }

    /// Waits until an operation hangs.
    pub(crate) async fn hangs(&self) {
        self.shared.hung.notified().await;
    }

    fn fault(&self, op: Op, key: &str) -> Option<Fault> {
        let number = self.shared.count.fetch_add(1, Ordering::SeqCst);
        self.shared.log.lock().unwrap().push((op, key.to_owned()));
        let mut faults = self.shared.faults.lock().unwrap();
        for (when, fault) in faults.iter_mut() {
            match when {
                When::Nth(n) if *n == number => return Some(*fault),
                When::Next(kind, left) if *kind == op && *left > 0 => {
                    *left -= 1;
                    return Some(*fault);
                }
                _ => {}
            }
        }
        None
    }

    async fn run<T>(
        &self,
        op: Op,
        key: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.fault(op, key) {
            None => work.await,
            Some(Fault::Fail(error)) => Err(error()),
            Some(Fault::LoseAnswer(error)) => {
                let _ = work.await;
                Err(error())
            }
            Some(Fault::Hang) => {
                self.shared.hung.notify_one();
                pending().await
            }
            Some(Fault::DoAndHang) => {
                let _ = work.await;
                self.shared.hung.notify_one();
                pending().await
            }
        }
    }

    fn meta(&self, meta: ObjectMeta) -> ObjectMeta {
        Lies::tell(self.lies.meta.as_ref(), meta)
    }
}

#[async_trait]
impl Store for Faulty {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        self.run(Op::Put, key, self.inner.put(key, body, mode)).await
    }

    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        let inner = self.run(Op::Upload, key, self.inner.upload(key)).await?;
        Ok(Box::new(FaultyUpload {
            store: self.clone(),
            key: key.to_owned(),
            inner,
        }))
    }

    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        let GetObject { meta, body } = self.run(Op::Get, key, self.inner.get(key, range)).await?;
        let meta = self.meta(meta);
        let Some(reading) = &self.lies.reading else {
            return Ok(GetObject { meta, body });
        };
        let whole: Vec<Bytes> = body.try_collect().await?;
        let body = stream::iter(reading(key, whole.concat().into())).boxed();
        Ok(GetObject { meta, body })
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.run(Op::Head, key, self.inner.head(key))
            .await
            .map(|meta| self.meta(meta))
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        let listing = self.run(Op::List, prefix, self.inner.list(prefix, after)).await?;
        let next = if self.lies.endless_listing {
            Some("again".to_owned())
        } else {
            listing.next
        };
        Ok(Listing {
            objects: Lies::tell(self.lies.listing.as_ref(), listing.objects),
            next,
        })
    }

    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.inner.list_prefixes(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let work = async {
            if self.lies.keeps_what_is_deleted {
                Ok(())
            } else {
                self.inner.delete(key).await
            }
        };
        self.run(Op::Delete, key, work).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        self.run(Op::ListUploads, prefix, self.inner.list_uploads(prefix))
            .await
    }

    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        self.run(Op::AbortUpload, &upload.key, self.inner.abort_upload(upload))
            .await
    }
}
