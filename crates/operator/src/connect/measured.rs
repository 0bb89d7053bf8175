//! A store whose operations are timed and whose failures are counted.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etcd_backup_store::{
    CreateOnly, GetObject, GetRange, Listing, ObjectMeta, PutMode, Store, StoreError, Upload, UploadMeta,
};
use tokio::time::Instant;

use crate::metrics::{Metrics, Operation};

/// Passes everything on to another store and takes notes. Changes nothing.
#[derive(Debug)]
pub struct Measured {
    store: Box<dyn Store>,
    metrics: Arc<Metrics>,
}

impl Measured {
    /// `store`, measured.
    pub fn new(store: Box<dyn Store>, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }
}

/// What is expected to happen in normal work is no error of the store: looking for something that is not there,
/// creating what is there.
fn is_trouble(error: &StoreError) -> bool {
    !matches!(
        error,
        StoreError::NotFound { .. } | StoreError::AlreadyExists { .. }
    )
}

async fn measure<T>(
    metrics: &Metrics,
    operation: Operation,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let began = Instant::now();
    let result = call.await;
    metrics.operation_took(operation, began.elapsed());
    if let Err(error) = &result
        && is_trouble(error)
    {
        metrics.operation_failed(operation, error.reason());
    }
    result
}

#[async_trait]
impl Store for Measured {
    fn location(&self) -> String {
        self.store.location()
    }

    fn clock_offset(&self) -> Option<i64> {
        self.store.clock_offset()
    }

    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        measure(&self.metrics, Operation::Put, self.store.put(key, body, mode)).await
    }

    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        let upload = measure(&self.metrics, Operation::BeginUpload, self.store.upload(key)).await?;
        Ok(Box::new(MeasuredUpload {
            upload,
            metrics: Arc::clone(&self.metrics),
        }))
    }

    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        measure(&self.metrics, Operation::Get, self.store.get(key, range)).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        measure(&self.metrics, Operation::Head, self.store.head(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        measure(&self.metrics, Operation::List, self.store.list(prefix, after)).await
    }

    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        measure(&self.metrics, Operation::List, self.store.list_prefixes(prefix)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        measure(&self.metrics, Operation::Delete, self.store.delete(key)).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        measure(
            &self.metrics,
            Operation::ListUploads,
            self.store.list_uploads(prefix),
        )
        .await
    }

    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        measure(&self.metrics, Operation::Abort, self.store.abort_upload(upload)).await
    }

    async fn creates_only(&self, key: &str, there: Bytes) -> Result<CreateOnly, StoreError> {
        measure(
            &self.metrics,
            Operation::Probe,
            self.store.creates_only(key, there),
        )
        .await
    }
}

struct MeasuredUpload {
    upload: Box<dyn Upload>,
    metrics: Arc<Metrics>,
}

#[async_trait]
impl Upload for MeasuredUpload {
    fn part_size(&self) -> usize {
        self.upload.part_size()
    }

    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError> {
        measure(&self.metrics, Operation::Part, self.upload.part(number, body)).await
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError> {
        measure(&self.metrics, Operation::Complete, self.upload.complete()).await
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        measure(&self.metrics, Operation::Abort, self.upload.abort()).await
    }

    fn expect(&mut self, bytes: u64) {
        self.upload.expect(bytes);
    }
}

#[cfg(test)]
mod tests {
    use etcd_backup_store::MemoryStore;

    use super::*;
    use crate::lease::Leadership;

    fn measured() -> (Measured, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new(Leadership::always()));
        (
            Measured::new(Box::new(MemoryStore::new()), Arc::clone(&metrics)),
            metrics,
        )
    }

    #[tokio::test]
    async fn operations_are_timed_and_still_do_what_they_did() {
        let (store, metrics) = measured();
        store
            .put("a/b", Bytes::from_static(b"x"), PutMode::Create)
            .await
            .unwrap();
        assert_eq!(
            store
                .get("a/b", GetRange::all())
                .await
                .unwrap()
                .bytes(10)
                .await
                .unwrap(),
            "x"
        );
        let upload = store.upload("a/c").await.unwrap();
        upload.part(1, Bytes::from_static(b"y")).await.unwrap();
        assert_eq!(upload.complete().await.unwrap().size, 1);
        let text = metrics.encode().unwrap();
        for operation in ["put", "get", "begin_upload", "part", "complete"] {
            let line = format!(
                "etcd_backup_store_operation_duration_seconds_count{{operation=\"{operation}\"}} 1\n"
            );
            assert!(text.contains(&line), "{line} in {text}");
        }
    }

    #[tokio::test]
    async fn what_is_merely_absent_or_present_is_no_error() {
        let (store, metrics) = measured();
        assert!(store.head("absent").await.is_err());
        store.put("a", Bytes::new(), PutMode::Create).await.unwrap();
        assert!(store.put("a", Bytes::new(), PutMode::Create).await.is_err());
        assert!(
            !metrics
                .encode()
                .unwrap()
                .contains("etcd_backup_store_operation_errors_total{")
        );
        assert!(store.head("../up").await.is_err());
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains(r#"errors_total{operation="head",reason="InvalidKey"} 1"#)
        );
    }
}
