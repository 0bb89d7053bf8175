//! PUT of a small object.

use std::sync::Arc;

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::Bucket;
use super::create_only::{Answer, NOTHING};
use super::fault::{Fault, Meaning};
use super::head::{WRITER, Whose, Written, full_object_crc};
use super::settings::{Integrity, Settings};
use crate::object::{GetRange, ObjectMeta, PutMode};
use crate::{Context, Operation, StoreError, checksum, key};

pub(super) async fn put(
    bucket: &Arc<Bucket>,
    key: &str,
    body: Bytes,
    mode: PutMode,
) -> Result<ObjectMeta, StoreError> {
    let put = Put::new(bucket, key, body)?;
    let result = match mode {
        PutMode::Overwrite => put.write(None).await,
        PutMode::Create => {
            let known = &bucket.create_only.put;
            if known.look_first() {
                bucket.must_be_absent(key, Operation::Put).await?;
            }
            put.write(Some(known)).await
        }
    };
    if let Err(StoreError::Corrupted { .. }) = &result {
        bucket.remove_if_written(key, &put.written).await;
    }
    result
}

/// One put, with all its attempts.
pub(super) struct Put<'a> {
    bucket: &'a Arc<Bucket>,
    key: &'a str,
    full: String,
    body: Bytes,
    written: Written,
    settings: Settings,
}

impl<'a> Put<'a> {
    pub(super) fn new(bucket: &'a Arc<Bucket>, key: &'a str, body: Bytes) -> Result<Self, StoreError> {
        Ok(Self {
            bucket,
            key,
            full: bucket.full(key)?,
            written: Written {
                writer: key::unique_name(),
                size: body.len() as u64,
                crc64nvme: checksum::crc64nvme(&body),
            },
            body,
            settings: Settings::of(&bucket.config),
        })
    }

    /// Writes until it is known what became of it. With `create`, only where nothing is.
    pub(super) async fn write(&self, create: Option<&Answer>) -> Result<ObjectMeta, StoreError> {
        let mut condition = create.is_some_and(Answer::send_condition);
        let mut failed = 0;
        loop {
            let fault = match self.send(condition).await {
                Ok(output) => {
                    if let (Some(known), false) = (create, condition) {
                        known.note_refused();
                    }
                    return self.finish(&output).await;
                }
                Err(fault) => fault,
            };
            match fault.meaning() {
                Some(Meaning::ConditionFailed) => return self.whose(fault).await,
                // The condition may be what it cannot do.
                Some(Meaning::NotSupported | Meaning::Rejected)
                    if condition && create.is_some_and(Answer::look_first) =>
                {
                    condition = false;
                    continue;
                }
                _ => {}
            }
            let error = self.bucket.fault_at(fault, Operation::Put, self.key);
            failed += 1;
            match self.bucket.config.retry.pause(failed, &error) {
                Some(pause) => tokio::time::sleep(pause).await,
                // Perhaps it was applied and only the answer was lost.
                None if error.is_transient() => return self.found().await.ok_or(error),
                None => return Err(error),
            }
        }
    }

    pub(super) async fn send(&self, condition: bool) -> Result<PutObjectOutput, Fault> {
        let integrity = Integrity::of(&self.bucket.config, &self.body, self.written.crc64nvme);
        let request = self
            .bucket
            .client
            .put_object()
            .bucket(self.bucket.name())
            .key(&self.full)
            .body(ByteStream::from(self.body.clone()))
            .metadata(WRITER, &self.written.writer)
            .set_if_none_match(condition.then(|| NOTHING.to_owned()))
            .set_checksum_crc64_nvme(integrity.crc64nvme)
            .set_content_md5(integrity.content_md5)
            .set_storage_class(self.settings.storage_class.clone())
            .set_server_side_encryption(self.settings.encryption.clone())
            .set_ssekms_key_id(self.settings.kms_key_id.clone())
            .set_object_lock_mode(self.settings.lock_mode.clone())
            .set_object_lock_retain_until_date(self.settings.retain_until)
            .customize();
        let request = if self.bucket.sign_payload {
            request
        } else {
            request.disable_payload_signing()
        };
        request.send().await.map_err(|error| Fault::of(&error))
    }

    /// Somebody was first. It may have been an earlier attempt of ours whose answer was lost.
    async fn whose(&self, fault: Fault) -> Result<ObjectMeta, StoreError> {
        match self.found().await {
            Some(ours) => Ok(ours),
            None => Err(self.bucket.fault_at(fault, Operation::Put, self.key)),
        }
    }

    /// Our object, if that is what is there.
    async fn found(&self) -> Option<ObjectMeta> {
        let there = self.bucket.describe(self.key, Operation::Put).await.ok()?;
        let ours = match there.whose(&self.written) {
            Whose::Ours => true,
            Whose::Anothers => false,
            Whose::Unknown => self.reads_the_same().await,
        };
        if !ours {
            return None;
        }
        there.prove(&self.written, Operation::Put).ok()
    }

    async fn reads_the_same(&self) -> bool {
        let got = super::get::get(Arc::clone(self.bucket), self.key, GetRange::all()).await;
        match got {
            Ok(got) => got
                .bytes(self.body.len())
                .await
                .is_ok_and(|read| read == self.body),
            Err(_) => false,
        }
    }

    /// It says it is done; what it holds is looked at all the same.
    async fn finish(&self, output: &PutObjectOutput) -> Result<ObjectMeta, StoreError> {
        let told = full_object_crc(output.checksum_crc64_nvme(), output.checksum_type());
        if told.is_some_and(|told| told != self.written.crc64nvme) {
            return Err(StoreError::Corrupted {
                at: Context::new(Operation::Put).key(self.key).boxed(),
                why: "the store computed another CRC64/NVME over the object than was sent".to_owned(),
            });
        }
        let there = self.bucket.describe(self.key, Operation::Put).await?;
        there.prove(&self.written, Operation::Put)
    }
}

impl Bucket {
    /// Looks before a create-only write where the server cannot be relied upon to refuse.
    pub(super) async fn must_be_absent(&self, key: &str, operation: Operation) -> Result<(), StoreError> {
        match self.describe(key, operation).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(StoreError::AlreadyExists {
                at: Context::new(operation).key(key).boxed(),
            }),
        }
    }

    /// Takes back what the store holds wrongly, if it is certainly ours. Best effort: the caller has its
    /// error already.
    pub(super) async fn remove_if_written(&self, key: &str, written: &Written) {
        let there = self.describe(key, Operation::Delete).await;
        if there.is_ok_and(|there| there.whose(written) == Whose::Ours) {
            let removed = super::delete::delete(self, key).await;
            if let Err(error) = removed {
                tracing::warn!(%error, "a corrupted object could not be removed");
            }
        }
    }
}
