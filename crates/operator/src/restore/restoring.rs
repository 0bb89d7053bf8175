//! What the administrator lets restores do.

use std::path::{Path, PathBuf};

use crate::agent::StoreAccess;
use crate::settings::Settings;

/// What the administrator lets restores do.
#[derive(Debug, Clone, Default)]
pub struct Restoring {
    /// Restores are carried out at all.
    pub enabled: bool,
    /// The image of the pods.
    pub image: Option<String>,
    /// Directories of nodes below which restores may write.
    pub host_path_roots: Vec<PathBuf>,
    /// What the pods may dial.
    pub access: StoreAccess,
}

impl Restoring {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            enabled: settings.enable_restore,
            image: settings.agent_image.clone().filter(|image| !image.is_empty()),
            host_path_roots: settings.restore_host_path_roots.clone(),
            access: StoreAccess {
                allow_endpoint_cidrs: settings
                    .allow_endpoint_cidrs
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                ambient_endpoints: settings.ambient_credentials_endpoints.clone(),
            },
        }
    }

    /// Whether a restore may write into this directory of a node.
    pub fn allows_host_path(&self, path: &str) -> bool {
        self.host_path_roots
            .iter()
            .any(|root| Path::new(path).starts_with(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_below_an_allowed_directory_is_allowed() {
        let restoring = Restoring {
            host_path_roots: vec!["/var/lib/etcd".into()],
            ..Restoring::default()
        };
        assert!(restoring.allows_host_path("/var/lib/etcd"));
        assert!(restoring.allows_host_path("/var/lib/etcd/data"));
        assert!(!restoring.allows_host_path("/var/lib/etcd-other"));
        assert!(!restoring.allows_host_path("/var/lib"));
        assert!(!Restoring::default().allows_host_path("/var/lib/etcd"));
    }
}
