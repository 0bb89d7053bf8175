//! Removing on request: what `deletionPolicy: Delete` asks for.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{DeletionPolicy, EtcdBackup};
use etcd_backup_backup::catalogue::{Catalogue, Entry, RemoveError, Spared};
use etcd_backup_store::StoreError;
use futures::FutureExt;
use tracing::info;

use super::place::{Place, Removed, moved, unasked};
use super::result::{Deletion, Refusal};
use super::work::Work;
use crate::connect::{Failure, refused};

/// Removes the backups that `work` names, or all of the plan's own, and takes what went out of `catalogue`.
pub(super) async fn run(
    place: &Place,
    catalogue: &mut Catalogue,
    plan: &EtcdBackup,
    work: &Work,
    now: DateTime<Utc>,
) -> Result<Deletion, Failure> {
    let doomed: Vec<Entry> = catalogue
        .backups
        .iter()
        .filter(|entry| is_wanted(entry, place, work))
        .cloned()
        .collect();
    let mut refused = not_removable(catalogue, place, work);
    let listed: BTreeSet<String> = catalogue
        .backups
        .iter()
        .map(|entry| entry.location.run.to_string())
        .collect();
    let removed = if doomed.is_empty() {
        Removed::default()
    } else {
        place.check_owner().await?;
        place.check_fence()?;
        let spare = |entry| is_unwanted(place, plan, entry).boxed();
        place.remove(catalogue, doomed, &spare).await
    };
    // Asked for and not there: somebody was faster.
    let absent = |run_id: &&String| {
        !listed.contains(*run_id) && refused.iter().all(|refusal| refusal.run_id != **run_id)
    };
    let mut gone: BTreeSet<String> = work.delete_runs.iter().filter(absent).cloned().collect();
    gone.extend(removed.gone);
    refused.extend(removed.spared);
    refused.extend(removed.refused);
    let mut complete = refused.is_empty();
    if work.delete_all && complete {
        complete = leave(place, catalogue).await?;
    }
    info!(
        gone = gone.len(),
        refused = refused.len(),
        complete,
        "deleted backups on request"
    );
    Ok(Deletion {
        at: now,
        gone,
        refused,
        complete,
    })
}

/// Only what this very plan wrote: another bearer of its name keeps what is theirs.
fn is_wanted(entry: &Entry, place: &Place, work: &Work) -> bool {
    let named = work.delete_all || work.delete_runs.contains(&entry.location.run.to_string());
    named && entry.belongs_to(&place.owner)
}

/// Whether the backup may still go: whoever asked may have thought better of it while the store did not answer, and what is
/// pinned stays whoever asks.
async fn is_unwanted(place: &Place, plan: &EtcdBackup, entry: Entry) -> Result<(), RemoveError> {
    let spared = |reason, why| Err(Spared::by_request(reason, why).into());
    match place.live.plan(plan).await.map_err(unasked)? {
        None => return spared(reason::PLAN_NOT_FOUND, "its plan is gone"),
        Some(now) if now.spec.deletion_policy == DeletionPolicy::Retain => {
            return spared("Retained", "its plan says deletionPolicy: Retain by now");
        }
        Some(now) => {
            if let Some(moved) = moved(plan, &now) {
                return Err(moved.into());
            }
        }
    }
    if place
        .live
        .is_pinned(plan, &entry.manifest)
        .await
        .map_err(unasked)?
    {
        return spared(
            reason::PINNED,
            "its EtcdSnapshot is pinned: say pin: false there to let it go",
        );
    }
    Ok(())
}

/// What is asked for and stays: a person has to look at it.
fn not_removable(catalogue: &Catalogue, place: &Place, work: &Work) -> Vec<Refusal> {
    let broken = catalogue.broken.iter().map(|broken| {
        (
            broken.location.run.to_string(),
            work.delete_all,
            broken.reason.to_string(),
        )
    });
    let foreign = catalogue
        .backups
        .iter()
        .filter(|entry| !entry.belongs_to(&place.owner));
    // Deleting all of one's own does not mean these.
    let foreign = foreign.map(|entry| {
        (
            entry.location.run.to_string(),
            false,
            "another plan of this name wrote it".to_owned(),
        )
    });
    let wanted = broken
        .chain(foreign)
        .filter(|(run_id, by_all, _)| *by_all || work.delete_runs.contains(run_id));
    let refusal = |(run_id, _, why): (String, bool, String)| Refusal {
        run_id,
        failure: Failure::lasting("NotRemovable", format!("not removed, because {why}")),
    };
    wanted.map(refusal).collect()
}

/// The plan is gone for good: removes what its runs left, and gives the place back so that a new plan may have it.
/// `false` when something of it has to stay.
async fn leave(place: &Place, catalogue: &mut Catalogue) -> Result<bool, Failure> {
    if !catalogue.backups.is_empty() {
        // Somebody else's backups lie here: the place is not ours to give.
        return Ok(true);
    }
    match place.check_owner().await {
        Ok(()) => {}
        Err(failure) if failure.reason == "PrefixUnclaimed" => return Ok(true),
        Err(failure) => return Err(failure),
    }
    for orphan in std::mem::take(&mut catalogue.orphans) {
        // A manifest that the listing did not know of makes it a backup.
        match place.store.head(&orphan.location.manifest_key()).await {
            Ok(_) => return Ok(false),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(refused(&error)),
        }
        place.check_fence()?;
        place
            .store
            .delete(&orphan.location.snapshot_key(orphan.form))
            .await
            .map_err(|error| refused(&error))?;
    }
    place.check_fence()?;
    place
        .store
        .delete(&place.plan.owner_key())
        .await
        .map_err(|error| refused(&error))?;
    Ok(true)
}
