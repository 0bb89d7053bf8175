//! One plan's part of a store, with the right to remove things there.

use std::sync::Arc;

use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::{self, Age, Catalogue, Entry, RemoveError, Spared, SweepError, Swept};
use etcd_backup_backup::layout::PlanKey;
use etcd_backup_backup::owner::{self, Owner};
use etcd_backup_backup::write::Fenced;
use etcd_backup_store::Store;
use futures::future::BoxFuture;
use tracing::info;

use super::live::Live;
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
    /// What people want.
    pub(super) live: Arc<dyn Live>,
    /// Asked before every removal.
    pub(super) fence: Box<dyn Fn() -> Result<(), Fenced> + Send + Sync>,
}

/// What became of backups that were to go.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// Runs that are no backups any more.
    pub(super) gone: Vec<String>,
    /// What could not be removed.
    pub(super) refused: Vec<Refusal>,
    /// What was left alone, because somebody wants it by now.
    pub(super) spared: Vec<Refusal>,
}

/// Why nothing more goes from the store that a plan named when the work `began`, if it names another one `now`: what is said of
/// the backups there is not what people say of those here.
pub(super) fn moved(began: &EtcdBackup, now: &EtcdBackup) -> Option<Spared> {
    let other = began.spec.storage != now.spec.storage;
    other.then(|| Spared::by_request("StoreChanged", "its plan names another store by now"))
}

/// Upkeep is the leader's.
pub(super) fn leadership_lost(error: &impl ToString) -> Failure {
    Failure::transient("LeadershipLost", error.to_string())
}

/// Nobody can say what people want: nothing goes until somebody can.
pub(super) fn unasked(failure: Failure) -> RemoveError {
    RemoveError::Unasked(failure.message)
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
        (self.fence)().map_err(|error| leadership_lost(&error))
    }

    /// Removes backups, oldest first. A removed one leaves `catalogue` too. `spare` is asked right before each is removed,
    /// whether anybody wants it by now; and so it is whether a restore reads it.
    pub(super) async fn remove<'a>(
        &self,
        catalogue: &mut Catalogue,
        mut doomed: Vec<Entry>,
        spare: &(dyn Fn(Entry) -> BoxFuture<'a, Result<(), RemoveError>> + Send + Sync),
    ) -> Removed {
        doomed.sort_by_key(|entry| (entry.manifest.times.started, entry.location.run));
        let mut removed = Removed::default();
        for entry in doomed {
            let run_id = entry.location.run.to_string();
            if removed.refused.len() >= MOST_ERRORS {
                let failure = Failure::lasting(
                    "NotTried",
                    format!("not tried any more after {MOST_ERRORS} failed removals"),
                );
                removed.refused.push(Refusal { run_id, failure });
                continue;
            }
            let unwanted = async {
                spare(entry.clone()).await?;
                self.is_not_read(&run_id)?;
                Ok(())
            };
            let error = match catalogue::remove(&*self.store, &entry, &*self.fence, unwanted).await {
                Err(error) if error.is_still_a_backup() => error,
                // Where only its data is left, that is no backup any more, and is swept later.
                Ok(()) | Err(_) => {
                    catalogue.backups.retain(|left| left.location != entry.location);
                    removed.gone.push(run_id);
                    continue;
                }
            };
            let spared = matches!(error, RemoveError::Spared(_));
            let failure = Failure::of(error.reason(), error.is_transient(), &error);
            if spared {
                info!(
                    run = run_id,
                    reason = failure.reason,
                    "left alone after all: {}",
                    failure.message
                );
                removed.spared.push(Refusal { run_id, failure });
            } else {
                removed.refused.push(Refusal { run_id, failure });
            }
        }
        removed
    }

    /// A restore may have begun since the listing.
    fn is_not_read(&self, run_id: &str) -> Result<(), Spared> {
        if !self.in_use.holds(run_id) {
            return Ok(());
        }
        Err(Spared {
            reason: "InUse",
            why: "a restore is reading it".to_owned(),
            transient: true,
        })
    }

    pub(super) async fn sweep(&self, age: Age) -> Result<Swept, SweepError> {
        catalogue::sweep(&*self.store, &self.plan, &self.owner, age, &*self.fence).await
    }
}
