//! What the store said about a plan, and how far that can be believed.

mod ledger;
mod part;
mod stored;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::Catalogue;
use etcd_backup_backup::manifest::Manifest;
use kube::ResourceExt;

pub use ledger::Ledger;
pub use part::{lies_elsewhere, part};
pub use stored::stored;

use crate::upkeep::UpkeepResult;

/// The last answer of a plan's store.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What upkeep reports.
    pub result: Arc<UpkeepResult>,
    /// The listing in it has everything that was stored before this moment.
    pub since: DateTime<Utc>,
}

impl Answer {
    /// The manifests that were listed, `None` when the store could not be read.
    pub fn manifests(&self) -> Option<impl Iterator<Item = &Manifest>> {
        self.result
            .found
            .catalogue
            .as_ref()
            .ok()
            .map(|catalogue| manifests(catalogue))
    }

    /// How many manifests cannot be used, and what is wrong with the first.
    pub fn broken(&self) -> Option<(usize, String)> {
        let broken = &self.result.found.catalogue.as_ref().ok()?.broken;
        broken
            .first()
            .map(|first| (broken.len(), format!("{}: {}", first.location.run, first.reason)))
    }

    /// Where the plan's part of its store is, as the beginning of a URL: `s3://bucket/prefix/namespace/plan/`.
    pub fn place(&self, plan: &EtcdBackup) -> Option<String> {
        let location = self.result.found.location.as_ref()?;
        let namespace = plan.namespace().unwrap_or_default();
        Some(part(location, &namespace, &plan.name_any()))
    }

    /// When the store last answered a wish to delete something. A failure has no time of its own: it is as old as the
    /// answer.
    pub fn deleted_at(&self) -> Option<DateTime<Utc>> {
        Some(match self.result.found.deletion.as_ref()? {
            Ok(deletion) => deletion.at,
            Err(_) => self.result.at,
        })
    }

    /// Whether upkeep has removed this run from the store because it was asked to.
    pub fn removed(&self, run_id: &str) -> bool {
        matches!(&self.result.found.deletion, Some(Ok(deletion)) if deletion.gone.contains(run_id))
    }
}

fn manifests(catalogue: &Catalogue) -> impl Iterator<Item = &Manifest> {
    catalogue.backups.iter().map(|entry| &entry.manifest)
}
