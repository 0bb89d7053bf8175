//! The S3 side of a plan.

use chrono::{DateTime, Utc};
use etcd_backup_api::secret::keys;
use etcd_backup_api::{ChecksumPolicy, ObjectLockMode, S3Storage, ServerSideEncryptionType};
use etcd_backup_store::s3::{Checksums, Credentials, LockMode, ObjectLock, S3Config, Sse};

use super::failure::Failure;
use super::secrets::Secrets;

/// The names under which a Secret may hold credentials: those of the AWS tools, and those of the custom resource's
/// own style. The first is the one that is asked for when none is there.
const ACCESS_KEY_ID: [&str; 2] = [keys::ACCESS_KEY_ID, "accessKeyID"];
const SECRET_ACCESS_KEY: [&str; 2] = [keys::SECRET_ACCESS_KEY, "secretAccessKey"];
const SESSION_TOKEN: [&str; 2] = [keys::SESSION_TOKEN, "sessionToken"];

/// Whether a store without credentials of its own may have those of the environment, which its administrator `lends` or not.
///
/// # Errors
/// If not, what to do.
pub fn check_lent(spec: &S3Storage, lends: bool) -> Result<(), Failure> {
    if lends || spec.credentials.is_some() {
        return Ok(());
    }
    Err(Failure::lasting(
        "AmbientCredentialsRefused",
        "no storage.s3.credentials are named, and this operator lends its own to nobody (--ambient-credentials=false): name a \
         Secret with keys for this bucket",
    ))
}

/// The configuration that `spec` and its Secrets give. The administrator's part (dial policy, endpoints for ambient
/// credentials) is left at its strict default.
///
/// # Errors
/// A Secret that is missing or lacks a key, and a retention that no calendar has.
pub async fn config(
    secrets: &Secrets<'_>,
    spec: &S3Storage,
    now: DateTime<Utc>,
) -> Result<S3Config, Failure> {
    let mut config = S3Config::new(&spec.bucket);
    config.prefix = spec.prefix.clone().unwrap_or_default();
    config.region.clone_from(&spec.region);
    config.endpoint.clone_from(&spec.endpoint);
    config.path_style = spec.force_path_style.unwrap_or(spec.endpoint.is_some());
    config.storage_class.clone_from(&spec.storage_class);
    config.allow_http = spec.allow_http;
    config.checksums = match spec.checksums {
        ChecksumPolicy::WhenSupported => Checksums::WhenSupported,
        ChecksumPolicy::WhenRequired => Checksums::WhenRequired,
    };
    config.sse = spec.server_side_encryption.as_ref().map(|sse| match sse.kind {
        ServerSideEncryptionType::Aes256 => Sse::Aes256,
        ServerSideEncryptionType::Kms => Sse::Kms {
            key_id: sse.kms_key_id.clone(),
        },
    });
    if let Some(lock) = &spec.object_lock {
        let mode = match lock.mode {
            ObjectLockMode::Governance => LockMode::Governance,
            ObjectLockMode::Compliance => LockMode::Compliance,
        };
        let until = chrono::Duration::from_std(lock.retain_for.as_std())
            .ok()
            .and_then(|time| now.checked_add_signed(time));
        let retain_until = until
            .ok_or_else(|| Failure::lasting("InvalidSpec", "storage.s3.objectLock.retainFor is too long"))?;
        config.object_lock = Some(ObjectLock { mode, retain_until });
    }
    if let Some(reference) = &spec.credentials {
        let secret = secrets.read(&reference.secret_name).await?;
        config.credentials = Credentials::Static {
            access_key_id: secret.text(&ACCESS_KEY_ID)?,
            secret_access_key: secret.text(&SECRET_ACCESS_KEY)?,
            session_token: secret.optional_text(&SESSION_TOKEN)?,
        };
    }
    if let Some(reference) = &spec.tls {
        let secret = secrets.read(&reference.secret_name).await?;
        let ca = secret.pem(keys::CA_CERTIFICATE, "CERTIFICATE")?;
        config.ca_pem = Some(ca.ok_or_else(|| secret.invalid(keys::CA_CERTIFICATE, "is missing"))?);
    }
    Ok(config)
}
