//! What can this server do?
//!
//! Asked before a store is relied on, because servers differ most where they are silent: some answer 200
//! to a condition they do not know, and replace.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;

use super::Bucket;
use super::config::S3Config;
use super::fault::Meaning;
use super::put::Put;
use super::settings::Settings;
use super::upload::S3Upload;
use super::{delete, get, list, uploads};
use crate::object::{Capabilities, CreateOnly, GetRange};
use crate::{Context, Operation, StoreError, Upload as _, key};

const BODY: &[u8] = b"etcd-backup looks what this store can do, and removes this again";

pub(super) async fn probe(bucket: &Arc<Bucket>) -> Result<Capabilities, StoreError> {
    // Reading first: the clearest answers about a bucket that is not there or not ours.
    list::page(bucket, key::PROBE, None).await?;
    let key = format!("{}/{}", key::PROBE, key::unique_name());
    let found = examine(bucket, &key).await;
    let deletes = match delete::delete(bucket, &key).await {
        Ok(()) => true,
        Err(StoreError::PermissionDenied { .. } | StoreError::Locked { .. }) => false,
        Err(error) => return Err(found.err().unwrap_or(error)),
    };
    let Found {
        checksums,
        lists_uploads,
    } = found?;
    Ok(Capabilities {
        create_only_put: bucket.create_only.put.as_capability(),
        create_only_upload: bucket.create_only.upload.as_capability(),
        checksums,
        deletes,
        lists_uploads,
    })
}

struct Found {
    checksums: bool,
    lists_uploads: bool,
}

async fn examine(bucket: &Arc<Bucket>, key: &str) -> Result<Found, StoreError> {
    create_only_put(bucket, key).await?;
    let checksums = read_back(bucket, key).await?;
    create_only_upload(bucket, key).await?;
    let lists_uploads = match uploads::list(bucket, key).await {
        Ok(_) => true,
        Err(StoreError::PermissionDenied { .. } | StoreError::Unsupported { .. }) => false,
        Err(error) => return Err(error),
    };
    Ok(Found {
        checksums,
        lists_uploads,
    })
}

/// Writes twice where only the first may succeed.
async fn create_only_put(bucket: &Arc<Bucket>, key: &str) -> Result<(), StoreError> {
    let known = &bucket.create_only.put;
    let put = Put::new(bucket, key, Bytes::from_static(BODY))?.unlocked();
    put.write(Some(known)).await?;
    create_again(bucket, &put, key).await
}

/// Learns from what is there already under `key`, whose bytes these are.
pub(super) async fn creates_only(
    bucket: &Arc<Bucket>,
    key: &str,
    there: Bytes,
) -> Result<CreateOnly, StoreError> {
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

/// Reads what was written; answers whether the server tells checksums.
async fn read_back(bucket: &Arc<Bucket>, key: &str) -> Result<bool, StoreError> {
    let described = bucket.describe(key, Operation::Head).await?;
    let got = get::get(Arc::clone(bucket), key, GetRange::all()).await?;
    let read: Vec<Bytes> = got.body.try_collect().await?;
    if read.concat() != BODY {
        return Err(StoreError::Corrupted {
            at: Context::new(Operation::Get).key(key).boxed(),
            why: "the store gave back other bytes than were written".to_owned(),
        });
    }
    Ok(described.meta.crc64nvme.is_some())
}

/// Completes an upload where something is already.
async fn create_only_upload(bucket: &Arc<Bucket>, key: &str) -> Result<(), StoreError> {
    let known = &bucket.create_only.upload;
    let unlocked = Settings::of(&S3Config {
        object_lock: None,
        ..bucket.config.clone()
    });
    let upload = S3Upload::begin_with(Arc::clone(bucket), key, unlocked).await?;
    let sent = upload.part(1, Bytes::from_static(BODY)).await;
    let completed = match sent {
        Ok(()) => super::complete::try_create(&upload).await,
        Err(error) => Err(error),
    };
    // Gone already if the completion went through; the upload must not stay in either case.
    let aborted = uploads::abort(bucket, key, &upload.upload_id).await;
    match completed? {
        Some(Meaning::ConditionFailed) => known.note_enforced(),
        None => known.note_ignored(),
        Some(_) => known.note_refused(),
    }
    aborted
}
