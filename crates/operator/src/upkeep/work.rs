//! The jobs that wait for one plan, folded into one piece of work, and who does it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::Catalogue;
use etcd_backup_backup::retention::Candidate;
use etcd_backup_store::CreateOnly;

use super::result::{Deletion, Job, RetentionOutcome};
use crate::connect::Failure;

/// Everything that is to be done for one plan in one go. Every piece of work begins with a listing, so a `Sync`
/// asks for nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// A listing is wanted.
    pub sync: bool,
    /// Retention is wanted.
    pub prune: Option<Prune>,
    /// These backups are to go.
    pub delete_runs: BTreeSet<String>,
    /// All backups of the plan are to go.
    pub delete_all: bool,
}

/// Retention as it was asked for last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    /// Remove nothing.
    pub dry_run: bool,
    /// What is shown and was gone before. Told as removed as soon as its time would have come.
    pub missing: Vec<Candidate>,
}

impl Work {
    /// Adds a job. Of two prunes the later one counts.
    pub fn add(&mut self, job: Job) {
        match job {
            Job::Sync => self.sync = true,
            Job::Prune { dry_run, missing } => self.prune = Some(Prune { dry_run, missing }),
            Job::DeleteRun { run_id } => {
                self.delete_runs.insert(run_id);
            }
            Job::DeleteAll => self.delete_all = true,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Puts back what failed, unless it was asked for anew meanwhile.
    pub(super) fn put_back(&mut self, failed: Self) {
        self.sync |= failed.sync;
        self.delete_all |= failed.delete_all;
        self.delete_runs.extend(failed.delete_runs);
        if self.prune.is_none() {
            self.prune = failed.prune;
        }
    }
}

/// What came of a piece of work.
#[derive(Debug, Clone)]
pub struct Tended {
    /// Where the plan's store is, safe to show: `s3://bucket/prefix`. `None` when it could not be opened.
    pub location: Option<String>,
    /// What the store holds, or why that is not known.
    pub catalogue: Result<Arc<Catalogue>, Failure>,
    /// Whether the plan's etcd can be asked, as far as that shows without asking it: the Secrets that the plan names for it, and
    /// its endpoints. `None`: nobody looked.
    pub etcd: Option<Result<(), Failure>>,
    /// Whether the store refuses to create where something is, if that is known.
    pub create_only: Option<CreateOnly>,
    /// What retention did, if it was asked for.
    pub retention: Option<Result<RetentionOutcome, Failure>>,
    /// What deleting did, if it was asked for.
    pub deletion: Option<Result<Deletion, Failure>>,
}

impl Tended {
    /// Everything that was asked for failed in the same way, before it began.
    pub fn failed(work: &Work, failure: &Failure) -> Self {
        let deleting = work.delete_all || !work.delete_runs.is_empty();
        Self {
            location: None,
            catalogue: Err(failure.clone()),
            etcd: None,
            create_only: None,
            retention: work.prune.is_some().then(|| Err(failure.clone())),
            deletion: deleting.then(|| Err(failure.clone())),
        }
    }

    /// What of `work` should be tried again without being asked for: that which failed for a passing reason.
    pub(super) fn unfinished(&self, work: &Work) -> Work {
        let passing = |failure: &Failure| failure.transient;
        let deletion = match &self.deletion {
            Some(Err(failure)) => passing(failure),
            Some(Ok(deletion)) => deletion.refused.iter().any(|refusal| passing(&refusal.failure)),
            None => false,
        };
        let retention = match &self.retention {
            Some(Err(failure)) => passing(failure),
            Some(Ok(outcome)) => outcome.is_unasked(),
            None => false,
        };
        let etcd = matches!(&self.etcd, Some(Err(failure)) if passing(failure));
        Work {
            sync: etcd || self.catalogue.as_ref().is_err_and(passing),
            prune: if retention { work.prune.clone() } else { None },
            delete_runs: if deletion {
                work.delete_runs.clone()
            } else {
                BTreeSet::new()
            },
            delete_all: deletion && work.delete_all,
        }
    }
}

/// Does a piece of work. The yard is written against this, so that its rules are tested without a store.
#[async_trait]
pub trait Tend: Send + Sync + 'static {
    /// Does `work` for `plan`. May be dropped at any await; what it had begun is found by the next listing.
    async fn tend(&self, plan: &EtcdBackup, work: &Work) -> Tended;
}
