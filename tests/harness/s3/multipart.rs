//! Uploads in parts.

use std::collections::BTreeMap;
use std::time::SystemTime;

use etcd_backup_store::checksum;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Result, s3_error};

use super::fault::Fault;
use super::objects::{condition, damage, kept_metadata, receive, told, told_type};
use super::state::{Object, Part, State, Traits, Upload};

pub(super) fn create(
    state: &State,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    let upload = Upload {
        key: input.key.clone(),
        initiated: SystemTime::now().into(),
        traits: Traits {
            metadata: kept_metadata(state, input.metadata),
            lock_mode: input.object_lock_mode,
            retain_until: input.object_lock_retain_until_date,
            encryption: input.server_side_encryption,
            kms_key_id: input.ssekms_key_id,
            storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
        },
        parts: BTreeMap::new(),
    };
    let id = state.with(&input.bucket, |bucket| {
        let id = format!("upload-{}", bucket.tag());
        bucket.uploads.insert(id.clone(), upload);
        Ok(id)
    })?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..Default::default()
    })
}

pub(super) async fn part(
    state: &State,
    input: UploadPartInput,
    fault: Option<&Fault>,
) -> S3Result<UploadPartOutput> {
    let known = |bucket: &mut super::state::Bucket| {
        let upload = bucket.uploads.get(&input.upload_id);
        upload.map(|_| ()).ok_or_else(|| s3_error!(NoSuchUpload))
    };
    state.with(&input.bucket, known)?;
    let claimed = input.checksum_crc64nvme.as_deref();
    let mut arrived = receive(state, input.body, claimed, input.content_length).await?;
    damage(&mut arrived, fault);
    let crc = arrived.crc64nvme;
    let etag = state.with(&input.bucket, |bucket| {
        let etag = bucket.tag();
        let upload = bucket
            .uploads
            .get_mut(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        let part = Part {
            chunks: arrived.chunks,
            size: arrived.size,
            crc64nvme: crc,
            etag: etag.clone(),
        };
        upload.parts.insert(input.part_number, part);
        Ok(etag)
    })?;
    Ok(UploadPartOutput {
        checksum_crc64nvme: told(state, crc),
        e_tag: Some(ETag::Strong(etag)),
        ..Default::default()
    })
}

pub(super) fn complete(
    state: &State,
    input: CompleteMultipartUploadInput,
    fault: Option<&Fault>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let stored = state.with(&input.bucket, |bucket| {
        let upload = bucket
            .uploads
            .get(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))?;
        condition(
            input.if_none_match.as_ref(),
            bucket.objects.contains_key(&input.key),
            state.quirks.complete_conditions,
            fault,
        )?;
        let named = input
            .multipart_upload
            .as_ref()
            .and_then(|all| all.parts.as_deref());
        let object = assemble(state, upload, named.unwrap_or_default())?;
        let told = checksum::to_base64(object.crc64nvme);
        if state.quirks.checksums && input.checksum_crc64nvme.as_ref().is_some_and(|sum| *sum != told) {
            return Err(s3_error!(BadDigest));
        }
        bucket.uploads.remove(&input.upload_id);
        Ok(bucket.store(&input.key, object, &state.quirks))
    })?;
    Ok(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_crc64nvme: told(state, stored.crc64nvme),
        checksum_type: told_type(state),
        e_tag: Some(ETag::Strong(stored.etag)),
        version_id: stored.version,
        ..Default::default()
    })
}

/// Puts the named parts together, if they are the ones that arrived.
fn assemble(state: &State, upload: &Upload, named: &[CompletedPart]) -> S3Result<Object> {
    let mut object = Object {
        chunks: Vec::new(),
        size: 0,
        crc64nvme: 0,
        etag: String::new(),
        version: None,
        modified: SystemTime::now().into(),
        traits: upload.traits.clone(),
    };
    if named.is_empty() {
        return Err(s3_error!(MalformedXML));
    }
    let mut last_number = 0;
    for (index, name) in named.iter().enumerate() {
        let number = name.part_number.unwrap_or_default();
        if number <= last_number {
            return Err(s3_error!(InvalidPartOrder));
        }
        last_number = number;
        let part = upload
            .parts
            .get(&number)
            .filter(|part| name.e_tag.as_ref().map(ETag::value) == Some(part.etag.as_str()))
            .ok_or_else(|| s3_error!(InvalidPart))?;
        let is_last = index + 1 == named.len();
        if !is_last && part.size < state.quirks.min_part {
            return Err(s3_error!(EntityTooSmall));
        }
        object.chunks.extend(part.chunks.iter().cloned());
        object.crc64nvme = checksum::combine(object.crc64nvme, part.crc64nvme, part.size);
        object.size += part.size;
    }
    Ok(object)
}

pub(super) fn abort(
    state: &State,
    input: &AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    state.with(&input.bucket, |bucket| {
        bucket
            .uploads
            .remove(&input.upload_id)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    })?;
    Ok(AbortMultipartUploadOutput::default())
}
