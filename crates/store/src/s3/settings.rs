//! The headers that a new object carries, as the SDK's types.

use aws_sdk_s3::types::{ObjectLockMode, ServerSideEncryption, StorageClass};
use aws_smithy_types::DateTime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::config::{Checksums, LockMode, S3Config, Sse};
use crate::checksum;

/// Storage class, encryption and retention.
pub(super) struct Settings {
    pub(super) storage_class: Option<StorageClass>,
    pub(super) encryption: Option<ServerSideEncryption>,
    pub(super) kms_key_id: Option<String>,
    pub(super) lock_mode: Option<ObjectLockMode>,
    pub(super) retain_until: Option<DateTime>,
}

impl Settings {
    pub(super) fn of(config: &S3Config) -> Self {
        let (encryption, kms_key_id) = match &config.sse {
            None => (None, None),
            Some(Sse::Aes256) => (Some(ServerSideEncryption::Aes256), None),
            Some(Sse::Kms { key_id }) => (Some(ServerSideEncryption::AwsKms), key_id.clone()),
        };
        let lock = config.object_lock;
        Self {
            storage_class: config.storage_class.as_deref().map(StorageClass::from),
            encryption,
            kms_key_id,
            lock_mode: lock.map(|lock| match lock.mode {
                LockMode::Governance => ObjectLockMode::Governance,
                LockMode::Compliance => ObjectLockMode::Compliance,
            }),
            retain_until: lock.map(|lock| DateTime::from_secs(lock.retain_until.timestamp())),
        }
    }
}

/// What lets the server notice that a body was altered on its way.
#[derive(Default)]
pub(super) struct Integrity {
    pub(super) crc64nvme: Option<String>,
    pub(super) content_md5: Option<String>,
}

impl Integrity {
    pub(super) fn of(config: &S3Config, body: &[u8], crc64nvme: u64) -> Self {
        match config.checksums {
            Checksums::WhenSupported => Self {
                crc64nvme: Some(checksum::to_base64(crc64nvme)),
                content_md5: None,
            },
            // A bucket with a retention refuses bodies without one of the two
            // (docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html).
            Checksums::WhenRequired if config.object_lock.is_some() => Self {
                crc64nvme: None,
                content_md5: Some(STANDARD.encode(Md5::digest(body))),
            },
            Checksums::WhenRequired => Self::default(),
        }
    }
}
