//! What a person says about an S3 bucket.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_dial::DialPolicy;

use super::retry::Retry;
use crate::StoreError;
use crate::key;
use crate::parts::DEFAULT_PART_SIZE;

/// The smallest part S3 accepts but for the last
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
const MIN_PART_SIZE: usize = 5 * 1024 * 1024;
/// Parts are held in memory; above this a part costs more than any store gains from it.
const MAX_PART_SIZE: usize = 256 * 1024 * 1024;

/// A bucket and how to reach it.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket. It must exist.
    pub bucket: String,
    /// Put before every key, with a `/` between; empty for none.
    pub prefix: String,
    /// The region to sign for. Without one: that of the environment for ambient credentials on AWS, else
    /// `us-east-1`, which most other servers accept.
    pub region: Option<String>,
    /// The server; AWS when absent.
    pub endpoint: Option<String>,
    /// `https://host/bucket/key` instead of `https://bucket.host/key`.
    pub path_style: bool,
    /// Who we are.
    pub credentials: Credentials,
    /// Certificates (PEM) that the server's must derive from. When given, the system's are not used.
    pub ca_pem: Option<Vec<u8>>,
    /// `STANDARD_IA`, `GLACIER_IR`, …; the bucket's default when absent.
    pub storage_class: Option<String>,
    /// Encryption by the server.
    pub sse: Option<Sse>,
    /// A retention for every object written.
    pub object_lock: Option<ObjectLock>,
    /// Which checksums are sent.
    pub checksums: Checksums,
    /// Plain http is refused unless this is set: keys and data could be read and changed on the way.
    pub allow_http: bool,
    /// Bytes in a part, from 5 MiB to 256 MiB.
    pub part_size: usize,
    /// When the body is covered by the request's signature.
    pub payload_signing: PayloadSigning,
    /// Where we may connect to. Behind a proxy of the environment only the endpoint as it is written can be
    /// checked: the proxy resolves its name.
    pub policy: DialPolicy,
    /// Endpoints other than AWS's that may be given the credentials of the environment, as
    /// `https://host[:port]`. The administrator's decision, never that of a plan.
    pub ambient_endpoints: Vec<String>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often to try.
    pub retry: Retry,
}

impl S3Config {
    /// A bucket on AWS with the credentials of the environment.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            path_style: false,
            credentials: Credentials::Ambient,
            ca_pem: None,
            storage_class: None,
            sse: None,
            object_lock: None,
            checksums: Checksums::default(),
            allow_http: false,
            part_size: DEFAULT_PART_SIZE,
            payload_signing: PayloadSigning::default(),
            policy: DialPolicy::default(),
            ambient_endpoints: Vec::new(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
        }
    }

    /// The prefix without slashes at its ends.
    pub(super) fn trimmed_prefix(&self) -> &str {
        self.prefix.trim_matches('/')
    }

    pub(super) fn check(&self) -> Result<(), StoreError> {
        check_bucket(&self.bucket)?;
        key::check_prefix(self.trimmed_prefix())?;
        if let Some(region) = &self.region {
            check_word("region", region)?;
        }
        if let Some(class) = &self.storage_class {
            check_word("storageClass", class)?;
        }
        if !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(&self.part_size) {
            return invalid("partSize", "it must be from 5 MiB to 256 MiB");
        }
        Ok(())
    }
}

/// Letters, digits, `.`, `-` and `_`: AWS's rules and the laxer ones of older servers, and nothing that
/// could change the meaning of a URL.
fn check_bucket(bucket: &str) -> Result<(), StoreError> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let fits = (3..=255).contains(&bucket.len()) && bucket.chars().all(word);
    if !fits || bucket.contains("..") || bucket.starts_with('.') {
        return invalid("bucket", "it must be 3 to 255 letters, digits, '.', '-' or '_'");
    }
    Ok(())
}

fn check_word(field: &'static str, text: &str) -> Result<(), StoreError> {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if text.is_empty() || text.len() > 64 || !text.chars().all(word) {
        return invalid(field, "it must be 1 to 64 letters, digits, '-' or '_'");
    }
    Ok(())
}

pub(super) fn invalid<T>(field: &'static str, why: &str) -> Result<T, StoreError> {
    Err(StoreError::InvalidConfig {
        field,
        why: why.to_owned(),
    })
}

/// Who we are.
#[derive(Clone)]
pub enum Credentials {
    /// An access key, usually out of a Secret.
    Static {
        /// The access key's id.
        access_key_id: String,
        /// The secret key.
        secret_access_key: String,
        /// The token of temporary credentials.
        session_token: Option<String>,
    },
    /// Those of the environment: variables, profile, web identity (IRSA), pod identity, instance metadata.
    /// Sent to AWS and to [`S3Config::ambient_endpoints`] only.
    Ambient,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static { .. } => "Static(…)",
            Self::Ambient => "Ambient",
        })
    }
}

/// Encryption by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sse {
    /// With keys of the store (`AES256`).
    Aes256,
    /// With a key of a key management service (`aws:kms`).
    Kms {
        /// Which key; the bucket's default when absent.
        key_id: Option<String>,
    },
}

/// How firm a retention is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Can be lifted by those with a special permission.
    Governance,
    /// Cannot be lifted by anyone.
    Compliance,
}

/// A retention for objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectLock {
    /// How firm.
    pub mode: LockMode,
    /// Until when. Computed by whoever knows the time and how long to keep.
    pub retain_until: DateTime<Utc>,
}

/// Which checksums are sent and asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checksums {
    /// CRC64/NVME with every part and for the whole object, compared with what the server computes.
    #[default]
    WhenSupported,
    /// None, for servers that know no such headers; Content-MD5 where Object Lock demands one. The length
    /// is still compared, and reading back remains the proof.
    WhenRequired,
}

/// When the body is covered by the request's signature. It costs a SHA-256 over everything sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PayloadSigning {
    /// Over plain http only. On https TLS protects the body, and the checksum header is signed.
    #[default]
    WhenPlaintext,
    /// Always, for servers that refuse an unsigned body.
    Always,
    /// Never.
    Never,
}

/// How long to wait. None of these is for a whole transfer: a slow one that moves is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection including TLS. Default 10 s.
    pub connect: Duration,
    /// For the next byte, either way; default 60 s. A big body gets up to 128 s more, which is how long it may
    /// take the kernel's buffer to show that a slow line moves.
    pub stall: Duration,
    /// For the first byte of an answer to Complete, during which a server may copy the parts together.
    /// AWS documents "several minutes" and sends blanks meanwhile; others stay silent. Default 10 min.
    pub assembly: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_mins(1),
            assembly: Duration::from_mins(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let mut config = S3Config::new("bucket");
        config.credentials = Credentials::Static {
            access_key_id: "CANARY-ID".to_owned(),
            secret_access_key: "CANARY-SECRET".to_owned(),
            session_token: Some("CANARY-TOKEN".to_owned()),
        };
        assert!(!format!("{config:?}").contains("CANARY"));
    }

    #[test]
    fn buckets_that_would_change_the_url_are_refused() {
        for bucket in [
            "", "ab", "a/b/c", "bucket?x", "..", ".hidden", "a..b", "b@evil", "b:80", "b#c", "b\nc",
        ] {
            assert!(check_bucket(bucket).is_err(), "{bucket:?}");
        }
        for bucket in ["abc", "my.bucket-1", "Old_Bucket"] {
            assert!(check_bucket(bucket).is_ok(), "{bucket:?}");
        }
    }

    #[test]
    fn regions_that_would_change_the_host_are_refused() {
        for region in ["", "eu.evil.example/", "a b", "x@y"] {
            let mut config = S3Config::new("bucket");
            config.region = Some(region.to_owned());
            assert_eq!(
                config.check().unwrap_err().reason(),
                "InvalidConfig",
                "{region:?}"
            );
        }
    }

    #[test]
    fn part_sizes_have_bounds() {
        let mut config = S3Config::new("bucket");
        for (size, fits) in [
            (MIN_PART_SIZE - 1, false),
            (MIN_PART_SIZE, true),
            (MAX_PART_SIZE, true),
            (MAX_PART_SIZE + 1, false),
        ] {
            config.part_size = size;
            assert_eq!(config.check().is_ok(), fits, "{size}");
        }
    }
}
