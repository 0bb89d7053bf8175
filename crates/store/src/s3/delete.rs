//! DELETE, and why it may be refused.
//!
//! One object at a time: many servers lack or break the request for many.

use super::Bucket;
use super::fault::{Fault, Meaning};
use crate::{Context, Operation, StoreError};

pub(super) async fn delete(bucket: &Bucket, key: &str) -> Result<(), StoreError> {
    let full = bucket.full(key)?;
    let attempt = || async {
        let answer = bucket
            .client
            .delete_object()
            .bucket(bucket.name())
            .key(&full)
            .send()
            .await;
        let Err(error) = answer else { return Ok(()) };
        let fault = Fault::of(&error);
        if fault.means(Meaning::NoObject) {
            return Ok(());
        }
        Err(bucket.fault_at(fault, Operation::Delete, key))
    };
    match bucket.config.retry.run(attempt).await {
        Err(error @ (StoreError::PermissionDenied { .. } | StoreError::Locked { .. })) => {
            Err(locked(bucket, key).await.unwrap_or(error))
        }
        other => other,
    }
}

/// A retention and a missing permission are both "access denied"; the object's headers tell them apart.
async fn locked(bucket: &Bucket, key: &str) -> Option<StoreError> {
    let there = bucket.describe(key, Operation::Delete).await.ok()?;
    there.meta.lock.map(|lock| StoreError::Locked {
        at: Context::new(Operation::Delete).key(key).boxed(),
        until: lock.end(),
    })
}
