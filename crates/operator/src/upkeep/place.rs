//! One plan's part of a store, with the right to remove things there.

use std::collections::BTreeSet;
use std::sync::Arc;

use etcd_backup_backup::catalogue::{self, Age, Catalogue, Entry, SweepError, Swept};
use etcd_backup_backup::layout::PlanKey;
use etcd_backup_backup::owner::{self, Owner};
use etcd_backup_backup::write::Fenced;
use etcd_backup_store::Store;

use super::result::Refusal;
use crate::connect::Failure;
use crate::restore::InUse;

/// After so many failed removals in a row of work the store is taken to be in trouble, and left alone until the next
/// time (as etcd-backup-restore's garbage collector does).
const MOST_ERRORS: usize = 5;

/// Where one plan's backups are.
pub(super) struct Place {
    pub(super) plan: PlanKey,
    pub(super) owner: Owner,
    pub(super) store: Arc<dyn Store>,
    /// What restores read.
    pub(super) in_use: Arc<InUse>,
    /// Asked before every removal.
    pub(super) fence: Box<dyn Fn() -> Result<(), Fenced> + Send + Sync>,
}

impl Place {
    pub(super) fn location(&self) -> String {
        self.store.location()
    }

    pub(super) async fn list(&self) -> Result<Catalogue, Failure> {
        let listed = catalogue::list(&*self.store, &self.plan).await;
        listed.map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))
    }

    /// Before anything is removed: is this place ours at all?
    pub(super) async fn check_owner(&self) -> Result<(), Failure> {
        let checked = owner::check(&*self.store, &self.plan, &self.owner).await;
        checked.map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))
    }

    pub(super) fn check_fence(&self) -> Result<(), Failure> {
        (self.fence)().map_err(|error| Failure::transient("LeadershipLost", error.to_string()))
    }

    /// Removes backups, oldest first. Answers which of them are no backups any more, and which still are. A removed
    /// one leaves `catalogue` too.
    pub(super) async fn remove(
        &self,
        catalogue: &mut Catalogue,
        mut doomed: Vec<Entry>,
    ) -> (Vec<String>, Vec<Refusal>) {
        doomed.sort_by_key(|entry| (entry.manifest.times.started, entry.location.run));
        let (mut gone, mut refused) = (Vec::new(), Vec::new());
        for entry in doomed {
            let run_id = entry.location.run.to_string();
            if refused.len() >= MOST_ERRORS {
                let failure = Failure::lasting(
                    "NotTried",
                    format!("not tried any more after {MOST_ERRORS} failed removals"),
                );
                refused.push(Refusal { run_id, failure });
                continue;
            }
            // Asked again for each: a restore may have begun since the listing.
            if self.in_use.holds(&run_id) {
                let failure = Failure::transient("InUse", "a restore is reading it");
                refused.push(Refusal { run_id, failure });
                continue;
            }
            match catalogue::remove(&*self.store, &entry, &*self.fence).await {
                Ok(()) => gone.push((run_id, entry)),
                // Only its data is left, which is no backup any more and is swept later.
                Err(error) if !error.is_still_a_backup() => gone.push((run_id, entry)),
                Err(error) => {
                    let failure = Failure::of(error.reason(), error.is_transient(), &error);
                    refused.push(Refusal { run_id, failure });
                }
            }
        }
        catalogue
            .backups
            .retain(|entry| gone.iter().all(|(_, removed)| removed.location != entry.location));
        (gone.into_iter().map(|(run_id, _)| run_id).collect(), refused)
    }

    pub(super) async fn sweep(&self, age: Age) -> Result<Swept, SweepError> {
        // Which runs are under way matters only for those older than the grace, which the caller excludes.
        catalogue::sweep(
            &*self.store,
            &self.plan,
            &self.owner,
            &BTreeSet::new(),
            age,
            &*self.fence,
        )
        .await
    }
}
