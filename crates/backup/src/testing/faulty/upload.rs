//! An upload to a store that fails at a chosen operation.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;
use etcd_backup_store::{ObjectMeta, StoreError, Upload};

use super::{Faulty, Op};
use crate::testing::Lies;

pub(super) struct FaultyUpload {
    pub(super) store: Faulty,
    pub(super) key: String,
    pub(super) inner: Box<dyn Upload>,
}

#[async_trait]
impl Upload for FaultyUpload {
    fn part_size(&self) -> usize {
        self.inner.part_size()
    }

    async fn part(&self, number: u32, body: Bytes) -> Result<(), StoreError> {
        let shared = &self.store.shared;
        let now = shared.parts_now.fetch_add(1, Ordering::SeqCst) + 1;
        shared.parts_most.fetch_max(now, Ordering::SeqCst);
        // As a network would, so that parts overlap.
        if self.store.part_takes.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.store.part_takes).await;
        }
        let body = Lies::tell(self.store.lies.part.as_ref(), body);
        let done = self
            .store
            .run(Op::Part, &self.key, self.inner.part(number, body))
            .await;
        shared.parts_now.fetch_sub(1, Ordering::SeqCst);
        done
    }

    async fn complete(self: Box<Self>) -> Result<ObjectMeta, StoreError> {
        let Self { store, key, inner } = *self;
        store
            .run(Op::Complete, &key, inner.complete())
            .await
            .map(|meta| store.meta(meta))
    }

    async fn abort(self: Box<Self>) -> Result<(), StoreError> {
        let Self { store, key, inner } = *self;
        store.run(Op::Abort, &key, inner.abort()).await
    }

    fn expect(&mut self, bytes: u64) {
        self.inner.expect(bytes);
    }
}
