//! The etcd side of a plan.

use etcd_backup_api::EtcdSpec;
use etcd_backup_api::secret::keys::{CA_CERTIFICATE, PASSWORD, TLS_CERTIFICATE, TLS_KEY, USERNAME};
use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::{Auth, Config, Tls};

use super::failure::Failure;
use super::secrets::Secrets;

/// How to speak to the etcd of a plan.
///
/// # Errors
/// A Secret that is missing or lacks a key.
pub async fn config(secrets: &Secrets<'_>, spec: &EtcdSpec, policy: &DialPolicy) -> Result<Config, Failure> {
    let tls = match &spec.tls {
        Some(tls) => Some(certificates(secrets, &tls.secret_name, tls.server_name.clone()).await?),
        None => None,
    };
    let auth = match &spec.auth {
        Some(auth) => Some(user(secrets, &auth.secret_name).await?),
        None => None,
    };
    Ok(Config {
        tls,
        auth,
        policy: policy.clone(),
        ..Config::new(spec.endpoints.iter().cloned())
    })
}

/// The user that a Secret names, and the password.
///
/// # Errors
/// A Secret that is missing or lacks a key.
pub async fn user(secrets: &Secrets<'_>, name: &str) -> Result<Auth, Failure> {
    let keys = secrets.read(name).await?;
    Ok(Auth {
        username: keys.text(&[USERNAME])?,
        password: keys.text(&[PASSWORD])?,
    })
}

async fn certificates(
    secrets: &Secrets<'_>,
    secret: &str,
    server_name: Option<String>,
) -> Result<Tls, Failure> {
    let keys = secrets.read(secret).await?;
    let ca_pem = keys.pem(CA_CERTIFICATE, "CERTIFICATE")?;
    let cert_pem = keys.pem(TLS_CERTIFICATE, "CERTIFICATE")?;
    let key_pem = keys.pem(TLS_KEY, "PRIVATE KEY")?;
    match (&ca_pem, &cert_pem, &key_pem) {
        (_, Some(_), None) => Err(keys.invalid(TLS_KEY, "is missing, although tls.crt is there")),
        (_, None, Some(_)) => Err(keys.invalid(TLS_CERTIFICATE, "is missing, although tls.key is there")),
        (None, None, None) => Err(keys.invalid(CA_CERTIFICATE, "is missing, and so are tls.crt and tls.key")),
        _ => Ok(Tls {
            ca_pem,
            cert_pem,
            key_pem,
            server_name,
        }),
    }
}
