//! A server asked whether it refuses to create where something is.

use std::sync::Arc;

use bytes::Bytes;

use super::Bucket;
use super::fault::Meaning;
use super::put::Put;
use crate::object::CreateOnly;
use crate::{Operation, StoreError};

/// Asks the server with what is there already under `key`, whose bytes these are.
pub(super) async fn ask(bucket: &Arc<Bucket>, key: &str, there: Bytes) -> Result<CreateOnly, StoreError> {
    let known = &bucket.create_only.put;
    if known.look_first() {
        create_again(bucket, &Put::new(bucket, key, there)?, key).await?;
    }
    Ok(known.as_capability())
}

/// Creates where something is, which a server that keeps conditions refuses.
async fn create_again(bucket: &Arc<Bucket>, put: &Put<'_>, key: &str) -> Result<(), StoreError> {
    let known = &bucket.create_only.put;
    if !known.send_condition() {
        return Ok(());
    }
    let again = || async {
        match put.send(true).await {
            Ok(_) => Ok(None),
            Err(fault) => match fault.meaning() {
                Some(meaning @ (Meaning::ConditionFailed | Meaning::NotSupported | Meaning::Rejected)) => {
                    Ok(Some(meaning))
                }
                _ => Err(bucket.fault_at(fault, Operation::Put, key)),
            },
        }
    };
    match bucket.config.retry.run(again).await? {
        Some(Meaning::ConditionFailed) => known.note_enforced(),
        None => known.note_ignored(),
        Some(_) => known.note_refused(),
    }
    Ok(())
}
