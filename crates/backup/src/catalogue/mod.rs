//! What a bucket holds of a plan, and removing some of it.
//!
//! A listing may be stale, unsorted, cut short or empty. So a listing alone never decides anything that cannot be undone:
//! before every delete the object itself is asked for, an error is not an absence, and what is not in a listing is not
//! concluded to be gone.
//!
//! A backup is removed manifest first, so that one that is half removed is never taken for one that can be restored. Its
//! snapshot, if that step fails or the process dies, is an [`Orphan`], which [`sweep`] removes later.

mod caution;
mod error;
mod list;
mod lock;
mod plans;
mod remove;
mod sweep;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use error::{CatalogueError, RemoveError, Spared, SweepError};
pub use list::{find, list};
pub use lock::{ask_locks, lock};
pub use plans::plans;
pub use remove::remove;
pub use sweep::{Age, Swept, sweep};

use crate::{
    layout::{Form, Location},
    manifest::Manifest,
    newest,
    owner::Owner,
    retention::{Candidate, Standing},
};

/// What a bucket holds of a plan, of all generations, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalogue {
    /// What can be restored, as far as can be told without reading it all.
    pub backups: Vec<Entry>,
    /// Manifests whose backup cannot be restored, or that cannot be believed.
    pub broken: Vec<Broken>,
    /// Snapshots without a manifest: a run that is under way, one that died, or a backup that was half removed.
    pub orphans: Vec<Orphan>,
    /// Objects below the plan's prefix that are not ours. Never touched.
    pub foreign: usize,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub location: Location,
    /// What its manifest says.
    pub manifest: Manifest,
}

/// A manifest without a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where it lies.
    pub location: Location,
    /// What is wrong with it.
    pub reason: BrokenReason,
}

/// What is wrong with a manifest or its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenReason {
    /// It cannot be believed.
    #[error("its manifest cannot be believed: {0}")]
    Manifest(#[from] crate::manifest::ManifestError),
    /// Its snapshot is not there.
    #[error("its snapshot is not there")]
    SnapshotMissing,
    /// Its snapshot has another length than the manifest says.
    #[error("its snapshot has {actual} bytes, where its manifest says {expected}")]
    SnapshotLength {
        /// What the manifest says.
        expected: u64,
        /// What the store says.
        actual: u64,
    },
}

impl BrokenReason {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Manifest(error) => error.reason(),
            Self::SnapshotMissing => "SnapshotMissing",
            Self::SnapshotLength { .. } => "SnapshotLength",
        }
    }
}

/// A snapshot without a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Where it lies.
    pub location: Location,
    /// In what form.
    pub form: Form,
    /// Bytes.
    pub size: u64,
    /// When the store says it was written.
    pub written: Option<DateTime<Utc>>,
}

impl Entry {
    /// Key of its snapshot.
    pub fn snapshot_key(&self) -> String {
        self.location.snapshot_key(self.manifest.object.form())
    }

    /// Was it written by `owner`, and not by another bearer of the plan's name?
    pub fn belongs_to(&self, owner: &Owner) -> bool {
        self.manifest.plan.uid == owner.plan_uid
            && self.manifest.kubernetes_cluster_uid == owner.kubernetes_cluster_uid
    }

    /// What whoever restores it must know, if it is degraded.
    pub fn degraded_warning(&self) -> Option<String> {
        self.manifest.degraded.then(|| {
            format!(
                "the backup {} is degraded: etcd had no quorum when it was taken, so the newest writes may be missing from it",
                self.location.run
            )
        })
    }

    /// What retention has to know of it. A manifest is only ever written of what was verified, so unless a later check
    /// failed (`damaged`) it counts.
    pub fn candidate(&self, owner: &Owner, pinned: bool, in_use: bool, damaged: bool) -> Candidate {
        let standing = match (self.belongs_to(owner), damaged) {
            (false, _) => Standing::Foreign,
            (true, true) => Standing::Unverified,
            (true, false) => Standing::Verified,
        };
        Candidate {
            id: self.location.run,
            time: self.manifest.times.started,
            generation: self.location.cluster,
            standing,
            pinned,
            in_use,
            lock: None,
            size: self.manifest.snapshot.size,
            revision: self.manifest.revision,
            degraded: self.manifest.degraded,
            suspect: self.manifest.etcd.corrupt_alarm,
        }
    }
}

impl Catalogue {
    /// The [newest](crate::newest) backup.
    pub fn newest(&self, now: DateTime<Utc>) -> Option<&Entry> {
        newest_of(&self.backups, now)
    }
}

/// The [newest](crate::newest) of some backups.
pub fn newest_of<'a>(backups: impl IntoIterator<Item = &'a Entry>, now: DateTime<Utc>) -> Option<&'a Entry> {
    backups.into_iter().max_by_key(|entry| {
        let taken = entry.manifest.times.started;
        (
            newest::rank(taken, now),
            entry.location.run,
            entry.location.cluster,
        )
    })
}
