//! The etcd that a drill starts on what it restored, as the agent asks it.

use std::path::Path;

use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::Config;
use ipnet::{IpNet, Ipv4Net};

use crate::connect::{Failure, Secrets, user};
use crate::restore::Agreement;
use crate::restore::verify::ask;

/// The pod's own loopback, and nothing else: it is the one place where such an etcd listens.
const LOOPBACK: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::LOCALHOST, 8);

/// Asks the etcd at `endpoint` once: its state, a linearizable read, and its HashKV at `revision`, which must be `hash_kv` where
/// that is known. `auth` names the Secret with the user to ask as, mounted below `secrets`.
///
/// # Errors
/// Transient while it starts. Lasting when its data is not what it must be, or it does not accept the user.
pub async fn ask_scratch(
    endpoint: &str,
    auth: Option<&str>,
    secrets: &Path,
    revision: i64,
    hash_kv: Option<u32>,
) -> Result<Agreement, Failure> {
    let auth = match auth {
        Some(secret) => Some(user(&Secrets::Mounted(secrets), secret).await?),
        None => None,
    };
    let config = Config {
        auth,
        policy: DialPolicy::new(vec![IpNet::V4(LOOPBACK)], [""; 0]),
        ..Config::new([endpoint])
    };
    let asked = ask(config, 1, Some(revision), hash_kv).await;
    asked.map_err(|failure| match failure.reason.as_str() {
        "AuthenticationFailed" | "PermissionDenied" => Failure::lasting(&failure.reason, failure.message),
        _ => failure,
    })
}
