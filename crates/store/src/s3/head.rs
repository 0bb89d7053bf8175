//! HEAD: the description of an object, and whether it is the one we just wrote.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ChecksumType, ObjectLockLegalHoldStatus};
use chrono::{DateTime, Utc};

use super::Bucket;
use crate::object::{Lock, ObjectMeta};
use crate::{Context, Operation, StoreError, checksum};

/// Metadata key under which each write leaves a name of its own. When an answer is lost, it tells our
/// object from one that somebody else put there with the same bytes.
pub(super) const WRITER: &str = "writer";

/// What HEAD says.
pub(super) struct Description {
    pub(super) meta: ObjectMeta,
    /// The name the writer left, if the server keeps metadata.
    writer: Option<String>,
}

/// Who wrote an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The write in question.
    Ours,
    /// Some other.
    Anothers,
    /// The server tells too little.
    Unknown,
}

/// What was written, to compare with what is held.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) writer: String,
    pub(super) size: u64,
    pub(super) crc64nvme: u64,
}

impl Bucket {
    /// Describes an object. `operation` is the call that the caller is in, for the error.
    pub(super) async fn describe(&self, key: &str, operation: Operation) -> Result<Description, StoreError> {
        let full = self.full(key)?;
        let ask = || async {
            let mode = self.checksums().then_some(ChecksumMode::Enabled);
            let answer = self
                .client
                .head_object()
                .bucket(self.name())
                .key(&full)
                .set_checksum_mode(mode)
                .send()
                .await;
            match answer {
                Ok(output) => Description::read(key, &output, operation),
                Err(error) => Err(self.explain(&error, operation, key)),
            }
        };
        self.config.retry.run(ask).await
    }
}

impl Description {
    fn read(key: &str, output: &HeadObjectOutput, operation: Operation) -> Result<Self, StoreError> {
        let size = output.content_length().and_then(|n| u64::try_from(n).ok());
        let size = size.ok_or_else(|| StoreError::Corrupted {
            at: Context::new(operation).key(key).boxed(),
            why: "the store does not say how long the object is".to_owned(),
        })?;
        let held = output.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
        let retained = output.object_lock_retain_until_date().and_then(time);
        Ok(Self {
            meta: ObjectMeta {
                key: key.to_owned(),
                size,
                last_modified: output.last_modified().and_then(time),
                etag: output.e_tag().map(str::to_owned),
                version_id: output.version_id().map(str::to_owned),
                crc64nvme: full_object_crc(output.checksum_crc64_nvme(), output.checksum_type()),
                lock: if held {
                    Some(Lock::Held)
                } else {
                    retained.map(Lock::Until)
                },
            },
            writer: output
                .metadata()
                .and_then(|metadata| metadata.get(WRITER))
                .cloned(),
        })
    }

    /// Is this the object that was written, or another's? Where the server keeps no metadata, its checksum
    /// tells; where it has none of those either, only a difference in length does.
    pub(super) fn whose(&self, written: &Written) -> Whose {
        let ours = match (&self.writer, self.meta.crc64nvme) {
            (Some(writer), _) => *writer == written.writer,
            (None, Some(crc)) => crc == written.crc64nvme && self.meta.size == written.size,
            (None, None) if self.meta.size == written.size => return Whose::Unknown,
            (None, None) => false,
        };
        if ours { Whose::Ours } else { Whose::Anothers }
    }

    /// Proves that what is held is what was sent.
    pub(super) fn prove(self, written: &Written, operation: Operation) -> Result<ObjectMeta, StoreError> {
        let differs = |why: String| StoreError::Corrupted {
            at: Context::new(operation).key(&self.meta.key).boxed(),
            why,
        };
        if self.meta.size != written.size {
            return Err(differs(format!(
                "the store holds {} bytes of {} sent",
                self.meta.size, written.size
            )));
        }
        match self.meta.crc64nvme {
            Some(held) if held != written.crc64nvme => Err(differs(format!(
                "the store computed CRC64/NVME {held:016x} over what it holds, but {:016x} was sent",
                written.crc64nvme
            ))),
            _ => Ok(self.meta),
        }
    }
}

/// The checksum, if it is one of the whole object. Composite ones are checksums of checksums.
pub(super) fn full_object_crc(value: Option<&str>, kind: Option<&ChecksumType>) -> Option<u64> {
    // Servers older than the type only know checksums of whole objects for CRC64/NVME.
    if kind.is_some_and(|kind| *kind != ChecksumType::FullObject) {
        return None;
    }
    value.and_then(checksum::from_base64)
}

pub(super) fn time(time: &aws_smithy_types::DateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.secs(), time.subsec_nanos())
}
