//! What must hold between flags.

use std::path::{Component, Path, PathBuf};

use etcd_backup_dial::{DialRefused, parse_url};
use thiserror::Error;

use super::Settings;

/// Settings that contradict each other or cannot work. Each message names the flag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// Not a Kubernetes namespace.
    #[error("--{flag}: {value:?} is not the name of a namespace")]
    Namespace {
        /// The flag without dashes.
        flag: &'static str,
        /// What was given.
        value: String,
    },
    /// Leader election without a place for its Lease.
    #[error(
        "leader election needs a namespace: set --leader-elect-namespace or POD_NAMESPACE, or --leader-elect=false"
    )]
    LeaseNamespaceMissing,
    /// The three times of the Lease are in the wrong order.
    #[error(
        "--lease-duration must be longer than --lease-renew-deadline, and that at least twice --lease-retry-period, which must not be 0s"
    )]
    LeaseTimes,
    /// A duration of nothing.
    #[error("--{flag} must be longer than 0s")]
    ZeroDuration {
        /// The flag without dashes.
        flag: &'static str,
    },
    /// A root for local stores that would allow everything or means different things in different places.
    #[error("--local-store-root: {} is not an absolute path of a directory below /, without . and ..", path.display())]
    LocalRoot {
        /// What was given.
        path: PathBuf,
    },
    /// A root for restores that would allow everything or means different things in different places.
    #[error("--restore-host-path-root: {} is not an absolute path of a directory below /, without . and ..", path.display())]
    HostPathRoot {
        /// What was given.
        path: PathBuf,
    },
    /// An endpoint for ambient credentials that is not one.
    #[error("--ambient-credentials-endpoint: {source}")]
    AmbientEndpoint {
        /// Why not.
        source: DialRefused,
    },
    /// The operator's credentials must not travel unencrypted.
    #[error("--ambient-credentials-endpoint: only https:// endpoints may get the operator's own credentials")]
    AmbientEndpointPlain,
}

impl Settings {
    /// Checks what clap cannot: relations between flags, and names.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for namespace in &self.watch_namespaces {
            check_namespace("watch-namespace", namespace)?;
        }
        if self.leader_elect {
            let namespace = self
                .leader_elect_namespace
                .as_deref()
                .ok_or(SettingsError::LeaseNamespaceMissing)?;
            check_namespace("leader-elect-namespace", namespace)?;
        }
        // Twice: one request may be lost without losing the lead.
        let ordered = self.lease_duration > self.lease_renew_deadline
            && self.lease_renew_deadline >= self.lease_retry_period * 2
            && !self.lease_retry_period.is_zero();
        if !ordered {
            return Err(SettingsError::LeaseTimes);
        }
        if self.catalogue_resync.is_zero() {
            return Err(SettingsError::ZeroDuration {
                flag: "catalogue-resync",
            });
        }
        if self.deletion_timeout.is_zero() {
            return Err(SettingsError::ZeroDuration {
                flag: "deletion-timeout",
            });
        }
        if let Some(path) = self.local_store_roots.iter().find(|path| !is_usable_root(path)) {
            return Err(SettingsError::LocalRoot { path: path.clone() });
        }
        if let Some(path) = self
            .restore_host_path_roots
            .iter()
            .find(|path| !is_usable_root(path))
        {
            return Err(SettingsError::HostPathRoot { path: path.clone() });
        }
        for endpoint in &self.ambient_credentials_endpoints {
            let url = parse_url(endpoint).map_err(|source| SettingsError::AmbientEndpoint { source })?;
            if url.scheme() != "https" {
                return Err(SettingsError::AmbientEndpointPlain);
            }
        }
        Ok(())
    }
}

/// RFC 1123 label, as Kubernetes demands of a namespace.
fn check_namespace(flag: &'static str, value: &str) -> Result<(), SettingsError> {
    let inner = value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let ends = !value.starts_with('-') && !value.ends_with('-');
    if inner && ends && (1..=63).contains(&value.len()) {
        Ok(())
    } else {
        Err(SettingsError::Namespace {
            flag,
            value: value.to_owned(),
        })
    }
}

fn is_usable_root(path: &Path) -> bool {
    let plain = |component: Component<'_>| matches!(component, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().count() > 1 && path.components().all(plain)
}
