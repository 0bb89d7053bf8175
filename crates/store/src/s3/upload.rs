//! A multipart upload: beginning it and sending its parts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use bytes::Bytes;

use super::Bucket;
use super::head::WRITER;
use super::settings::{Integrity, Settings};
use crate::parts::PartSize;
use crate::{Context, Operation, StoreError, checksum, key};

pub(super) struct S3Upload {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: String,
    pub(super) full: String,
    pub(super) upload_id: String,
    /// See [`WRITER`].
    pub(super) writer: String,
    pub(super) sizes: PartSize,
    parts: Mutex<BTreeMap<u32, Part>>,
}

/// A part that the server has.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) etag: String,
    pub(super) length: usize,
    pub(super) crc64nvme: u64,
}

impl S3Upload {
    pub(super) async fn begin(bucket: Arc<Bucket>, key: &str) -> Result<Self, StoreError> {
        let settings = Settings::of(&bucket.config);
        let full = bucket.full(key)?;
        let writer = key::unique_name();
        let upload_id = bucket
            .config
            .retry
            .run(|| create(&bucket, key, &full, &writer, &settings))
            .await?;
        Ok(Self {
            key: key.to_owned(),
            full,
            upload_id,
            writer,
            sizes: PartSize::new(bucket.config.part_size),
            parts: Mutex::default(),
            bucket,
        })
    }

    pub(super) fn parts(&self) -> MutexGuard<'_, BTreeMap<u32, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn send(&self, number: u32, body: &Bytes, crc64nvme: u64) -> Result<Part, StoreError> {
        let integrity = Integrity::of(&self.bucket.config, body, crc64nvme);
        let request = self
            .bucket
            .client
            .upload_part()
            .bucket(self.bucket.name())
            .key(&self.full)
            .upload_id(&self.upload_id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .body(ByteStream::from(body.clone()))
            .set_checksum_crc64_nvme(integrity.crc64nvme)
            .set_content_md5(integrity.content_md5)
            .customize();
        let request = if self.bucket.sign_payload {
            request
        } else {
            request.disable_payload_signing()
        };
        let answer = request.send().await;
        let output = answer.map_err(|error| self.bucket.explain(&error, Operation::UploadPart, &self.key))?;
        self.accept(&output, body.len(), crc64nvme)
    }

    /// The server must have what was sent, and a tag to name it by.
    fn accept(&self, output: &UploadPartOutput, length: usize, crc64nvme: u64) -> Result<Part, StoreError> {
        let differs = |why: &str| StoreError::Corrupted {
            at: Context::new(Operation::UploadPart).key(&self.key).boxed(),
            why: why.to_owned(),
        };
        let held = output.checksum_crc64_nvme().and_then(checksum::from_base64);
        if held.is_some_and(|held| held != crc64nvme) {
            return Err(differs(
                "the store computed another CRC64/NVME over the part than was sent",
            ));
        }
        let etag = output
            .e_tag()
            .ok_or_else(|| differs("the store took the part but gave it no entity tag"))?;
        Ok(Part {
            etag: etag.to_owned(),
            length,
            crc64nvme,
        })
    }
}

async fn create(
    bucket: &Bucket,
    key: &str,
    full: &str,
    writer: &str,
    settings: &Settings,
) -> Result<String, StoreError> {
    let sums = bucket.checksums();
    let answer = bucket
        .client
        .create_multipart_upload()
        .bucket(bucket.name())
        .key(full)
        .metadata(WRITER, writer)
        // Named here, or the server expects another in the parts.
        .set_checksum_algorithm(sums.then_some(ChecksumAlgorithm::Crc64Nvme))
        .set_checksum_type(sums.then_some(ChecksumType::FullObject))
        .set_storage_class(settings.storage_class.clone())
        .set_server_side_encryption(settings.encryption.clone())
        .set_ssekms_key_id(settings.kms_key_id.clone())
        .set_object_lock_mode(settings.lock_mode.clone())
        .set_object_lock_retain_until_date(settings.retain_until)
        .send()
        .await;
    let output = answer.map_err(|error| bucket.explain(&error, Operation::BeginUpload, key))?;
    let upload_id = output.upload_id().filter(|id| !id.is_empty());
    upload_id
        .map(str::to_owned)
        .ok_or_else(|| StoreError::Unavailable {
            at: Context::new(Operation::BeginUpload).key(key).boxed(),
            source: crate::error::Cause::new("the store began an upload but gave it no id"),
        })
}
