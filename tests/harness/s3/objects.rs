//! Objects: put, get, head, delete.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use etcd_backup_store::checksum::{self, Crc64};
use futures::StreamExt as _;
use s3s::dto::{
    ChecksumMode, ChecksumType, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput,
    GetObjectOutput, HeadObjectInput, HeadObjectOutput, PutObjectInput, PutObjectOutput, StorageClass,
    StreamingBlob,
};
use s3s::{S3Result, s3_error};

use super::fault::{Damage, Fault};
use super::quirks::Conditions;
use super::state::{Object, State, Traits, whole};

/// A body that arrived and was checked.
pub(super) struct Arrived {
    pub(super) chunks: Vec<Bytes>,
    pub(super) size: u64,
    pub(super) crc64nvme: u64,
}

/// Receives a body and compares it with the checksums that came with it.
pub(super) async fn receive(
    state: &State,
    body: Option<StreamingBlob>,
    claimed: Option<&str>,
    claimed_length: Option<i64>,
) -> S3Result<Arrived> {
    let mut arrived = Arrived {
        chunks: Vec::new(),
        size: 0,
        crc64nvme: 0,
    };
    let mut crc = Crc64::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| s3_error!(IncompleteBody))?;
            crc.update(&chunk);
            if let Some(pace) = &state.pace {
                pace.carry(chunk.len()).await;
            }
            arrived.size += chunk.len() as u64;
            if !state.quirks.discard {
                arrived.chunks.push(chunk);
            }
        }
    }
    arrived.crc64nvme = crc.value();
    if claimed_length.is_some_and(|length| length != arrived.size.cast_signed()) {
        return Err(s3_error!(IncompleteBody));
    }
    let computed = checksum::to_base64(arrived.crc64nvme);
    if state.quirks.checksums && claimed.is_some_and(|claimed| claimed != computed) {
        return Err(s3_error!(BadDigest));
    }
    Ok(arrived)
}

/// Alters what was checked, as told.
pub(super) fn damage(arrived: &mut Arrived, fault: Option<&Fault>) {
    let Some(Fault::Corrupt(damage)) = fault else {
        return;
    };
    let mut bytes = whole(&arrived.chunks).to_vec();
    match damage {
        Damage::Flip | Damage::FlipAndTell => {
            let middle = bytes.len() / 2;
            if let Some(byte) = bytes.get_mut(middle) {
                *byte ^= 1;
            }
        }
        Damage::Truncate(length) => bytes.truncate(bytes.len().saturating_sub(*length)),
    }
    if *damage == Damage::FlipAndTell {
        arrived.crc64nvme = checksum::crc64nvme(&bytes);
    }
    arrived.size = bytes.len() as u64;
    arrived.chunks = vec![bytes.into()];
}

/// May this create-only write go on?
pub(super) fn condition(
    wanted: Option<&ETagCondition>,
    exists: bool,
    how: Conditions,
    fault: Option<&Fault>,
) -> S3Result<()> {
    let create_only = wanted.is_some_and(ETagCondition::is_any);
    match how {
        Conditions::Refused if create_only => Err(s3_error!(NotImplemented)),
        Conditions::Enforced if create_only && exists && !matches!(fault, Some(Fault::IgnoreConditions)) => {
            Err(s3_error!(PreconditionFailed))
        }
        _ => Ok(()),
    }
}

pub(super) async fn put(
    state: &State,
    input: PutObjectInput,
    fault: Option<&Fault>,
) -> S3Result<PutObjectOutput> {
    let traits = Traits {
        metadata: kept_metadata(state, input.metadata),
        lock_mode: input.object_lock_mode,
        retain_until: input.object_lock_retain_until_date,
        encryption: input.server_side_encryption,
        kms_key_id: input.ssekms_key_id,
        storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
    };
    let claimed = input.checksum_crc64nvme.as_deref();
    let mut arrived = receive(state, input.body, claimed, input.content_length).await?;
    damage(&mut arrived, fault);
    let stored = state.with(&input.bucket, |bucket| {
        condition(
            input.if_none_match.as_ref(),
            bucket.objects.contains_key(&input.key),
            state.quirks.put_conditions,
            fault,
        )?;
        let object = Object {
            chunks: arrived.chunks,
            size: arrived.size,
            crc64nvme: arrived.crc64nvme,
            etag: String::new(),
            version: None,
            modified: SystemTime::now().into(),
            traits,
        };
        Ok(bucket.store(&input.key, object, &state.quirks))
    })?;
    Ok(PutObjectOutput {
        checksum_crc64nvme: told(state, stored.crc64nvme),
        checksum_type: told_type(state),
        e_tag: Some(ETag::Strong(stored.etag)),
        version_id: stored.version,
        ..Default::default()
    })
}

pub(super) fn kept_metadata(
    state: &State,
    metadata: Option<impl IntoIterator<Item = (String, String)>>,
) -> HashMap<String, String> {
    match metadata {
        Some(metadata) if state.quirks.metadata => metadata.into_iter().collect(),
        _ => HashMap::default(),
    }
}

/// The checksum as this server tells it.
pub(super) fn told(state: &State, crc: u64) -> Option<String> {
    state.quirks.checksums.then(|| checksum::to_base64(crc))
}

pub(super) fn told_type(state: &State) -> Option<ChecksumType> {
    state
        .quirks
        .checksums
        .then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT))
}

fn find(state: &State, bucket: &str, key: &str) -> S3Result<Object> {
    state.with(bucket, |bucket| {
        bucket
            .objects
            .get(key)
            .cloned()
            .ok_or_else(|| s3_error!(NoSuchKey))
    })
}

fn asked(state: &State, mode: Option<&ChecksumMode>) -> bool {
    state.quirks.checksums && mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED)
}

pub(super) fn head(state: &State, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let object = find(state, &input.bucket, &input.key)?;
    let sums = asked(state, input.checksum_mode.as_ref());
    Ok(HeadObjectOutput {
        content_length: Some(object.size.cast_signed()),
        checksum_crc64nvme: sums.then(|| checksum::to_base64(object.crc64nvme)),
        checksum_type: told_type(state).filter(|_| sums),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(object.modified),
        metadata: Some(object.traits.metadata.into_iter().collect()),
        object_lock_mode: object.traits.lock_mode,
        object_lock_retain_until_date: object.traits.retain_until,
        server_side_encryption: object.traits.encryption,
        ssekms_key_id: object.traits.kms_key_id,
        storage_class: object.traits.storage_class.map(StorageClass::from),
        version_id: object.version,
        ..Default::default()
    })
}

pub(super) fn get(state: &State, input: &GetObjectInput, fault: Option<&Fault>) -> S3Result<GetObjectOutput> {
    let object = find(state, &input.bucket, &input.key)?;
    if state.quirks.discard {
        return Err(s3_error!(NotImplemented));
    }
    let matches = |wanted: &ETagCondition| {
        let tag = wanted.as_etag().map(ETag::value);
        wanted.is_any() || tag == Some(object.etag.as_str())
    };
    let ignored = matches!(fault, Some(Fault::IgnoreConditions));
    if !ignored && input.if_match.as_ref().is_some_and(|wanted| !matches(wanted)) {
        return Err(s3_error!(PreconditionFailed));
    }
    let wanted = input.range.filter(|_| !matches!(fault, Some(Fault::IgnoreRange)));
    let range = wanted.map(|range| range.check(object.size)).transpose()?;
    let bytes = range.clone().unwrap_or(0..object.size);
    let sums = asked(state, input.checksum_mode.as_ref()) && range.is_none();
    let body = whole(&object.chunks).slice(bytes.start as usize..bytes.end as usize);
    Ok(GetObjectOutput {
        content_length: Some((bytes.end - bytes.start).cast_signed()),
        content_range: range.map(|range| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size)),
        body: Some(StreamingBlob::from(s3s::Body::from(body))),
        checksum_crc64nvme: sums.then(|| checksum::to_base64(object.crc64nvme)),
        checksum_type: told_type(state).filter(|_| sums),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(object.modified),
        metadata: Some(object.traits.metadata.into_iter().collect()),
        version_id: object.version,
        ..Default::default()
    })
}

pub(super) fn delete(state: &State, input: &DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    state.with(&input.bucket, |bucket| {
        let Some(object) = bucket.objects.get(&input.key) else {
            return Ok(DeleteObjectOutput::default());
        };
        let now = SystemTime::now().into();
        if object
            .traits
            .retain_until
            .as_ref()
            .is_some_and(|until| *until > now)
        {
            return Err(s3_error!(AccessDenied, "object protected by object lock"));
        }
        if let Some(old) = bucket.objects.remove(&input.key) {
            bucket.history.push((input.key.clone(), old));
        }
        Ok(DeleteObjectOutput {
            delete_marker: Some(state.quirks.versioning),
            ..Default::default()
        })
    })
}
