//! CompleteMultipartUpload, the request whose answer means least.
//!
//! It may say 200 and hold an error, hold nothing, never arrive although the object is there, or arrive
//! although it is not. So whatever it says, the object is looked at, and only what HEAD shows counts.

use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};

use super::create_only::NOTHING;
use super::fault::{Fault, Meaning};
use super::head::{Whose, Written};
use super::upload::{Part, S3Upload};
use super::uploads;
use crate::error::Cause;
use crate::{Context, ObjectMeta, Operation, StoreError, checksum};

const HERE: Operation = Operation::CompleteUpload;

/// Completes the upload, or gives it up.
pub(super) async fn complete(upload: &S3Upload) -> Result<ObjectMeta, StoreError> {
    let result = match Completion::of(upload) {
        Ok(completion) => completion.run().await,
        Err(error) => Err(error),
    };
    if result.is_err() {
        give_up(upload).await;
    }
    result
}

/// Best effort: the caller has its error already, and `list_uploads` finds what is left.
async fn give_up(upload: &S3Upload) {
    let aborted = uploads::abort(&upload.bucket, &upload.key, &upload.upload_id).await;
    if let Err(error) = aborted {
        tracing::warn!(%error, "a failed upload could not be aborted");
    }
}

/// One completion, with all its attempts.
struct Completion<'a> {
    upload: &'a S3Upload,
    parts: Vec<CompletedPart>,
    written: Written,
}

impl<'a> Completion<'a> {
    fn of(upload: &'a S3Upload) -> Result<Self, StoreError> {
        let parts = upload.parts().clone();
        let lengths = parts.iter().map(|(number, part)| (*number, part.length));
        let size = upload.sizes.check_all(lengths, &upload.key)?;
        let crc64nvme = parts.values().fold(0, |crc, part| {
            checksum::combine(crc, part.crc64nvme, part.length as u64)
        });
        let sums = upload.bucket.checksums();
        Ok(Self {
            upload,
            parts: parts
                .iter()
                .map(|(number, part)| named(*number, part, sums))
                .collect(),
            written: Written {
                writer: upload.writer.clone(),
                size,
                crc64nvme,
            },
        })
    }

    async fn run(&self) -> Result<ObjectMeta, StoreError> {
        let (bucket, key) = (&self.upload.bucket, &self.upload.key);
        let known = &bucket.create_only.upload;
        if known.look_first() {
            bucket.must_be_absent(key, HERE).await?;
        }
        let mut condition = known.send_condition();
        let mut failed = 0;
        loop {
            let fault = match self.send(condition).await {
                Ok(()) => None,
                // The condition may be what it cannot do.
                Err(fault) if condition && known.look_first() && without_condition(&fault) => {
                    condition = false;
                    continue;
                }
                Err(fault) => Some(fault),
            };
            if fault.is_none() && !condition {
                known.note_refused();
            }
            let error = match (self.look().await, fault) {
                (Ok(Some(done)), _) => return Ok(done),
                (Err(seen @ (StoreError::AlreadyExists { .. } | StoreError::Corrupted { .. })), _)
                | (Err(seen), None) => return Err(seen),
                (Ok(None), None) => self.not_there(),
                (_, Some(fault)) => bucket.fault_at(fault, HERE, key),
            };
            failed += 1;
            let pause = bucket.config.retry.pause(failed, &error).ok_or(error)?;
            tokio::time::sleep(pause).await;
        }
    }

    async fn send(&self, condition: bool) -> Result<(), Fault> {
        let bucket = &self.upload.bucket;
        let sums = bucket.checksums();
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(self.parts.clone()))
            .build();
        let answer = bucket
            .client
            .complete_multipart_upload()
            .bucket(bucket.name())
            .key(&self.upload.full)
            .upload_id(&self.upload.upload_id)
            .multipart_upload(parts)
            .set_if_none_match(condition.then(|| NOTHING.to_owned()))
            .set_checksum_crc64_nvme(sums.then(|| checksum::to_base64(self.written.crc64nvme)))
            .set_checksum_type(sums.then_some(ChecksumType::FullObject))
            .send()
            .await;
        answer.map(|_| ()).map_err(|error| Fault::of(&error))
    }

    /// Our object, if it is there, and proved. None if nothing is there or something of another's.
    async fn look(&self) -> Result<Option<ObjectMeta>, StoreError> {
        let (bucket, key) = (&self.upload.bucket, &self.upload.key);
        let there = match bucket.describe(key, HERE).await {
            Ok(there) => there,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Unknown is taken for ours: keys of uploads are unique per attempt.
        if there.whose(&self.written) == Whose::Anothers {
            return Err(StoreError::AlreadyExists {
                at: Context::new(HERE).key(key).boxed(),
            });
        }
        let proved = there.prove(&self.written, HERE);
        if let Err(StoreError::Corrupted { .. }) = &proved {
            bucket.remove_if_written(key, &self.written).await;
        }
        proved.map(Some)
    }

    fn not_there(&self) -> StoreError {
        StoreError::Unavailable {
            at: Context::new(HERE).key(&self.upload.key).boxed(),
            source: Cause::new("the store says the upload is complete, but the object is not there"),
        }
    }
}

fn without_condition(fault: &Fault) -> bool {
    matches!(fault.meaning(), Some(Meaning::NotSupported | Meaning::Rejected))
}

fn named(number: u32, part: &Part, sums: bool) -> CompletedPart {
    CompletedPart::builder()
        .part_number(i32::try_from(number).unwrap_or(i32::MAX))
        .e_tag(&part.etag)
        .set_checksum_crc64_nvme(sums.then(|| checksum::to_base64(part.crc64nvme)))
        .build()
}
