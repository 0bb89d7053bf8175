//! What is to be asked of the store next, and when.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdBackup, SnapshotPhase, labels};
use etcd_backup_backup::retention::Candidate;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::catalogue::is_unlisted;
use super::view::{Observed, Shot, StoreJob, StoreView};

/// How soon a store that did not answer is asked again.
const ASK_AGAIN: TimeDelta = TimeDelta::minutes(2);

/// The next question, if one is due at `now`. None while an answer is awaited: it wakes the plan.
pub(super) fn job(plan: &EtcdBackup, observed: &Observed, now: DateTime<Utc>) -> Option<StoreJob> {
    if spec_changed(plan) {
        // The store may be another one. This overtakes whatever is waiting for the old one.
        return Some(StoreJob::Sync);
    }
    if observed.asking {
        return None;
    }
    let Some(store) = &observed.store else {
        return Some(StoreJob::Sync);
    };
    let next_look = next_look(plan, store, observed.resync);
    if store.holds.is_err() && now < next_look {
        // What can be cured by trying again is tried again by upkeep itself.
        return None;
    }
    if plan.spec.retention.is_some() {
        let dry_run = is_dry_run(plan);
        if succeeded_since_pruning(plan, observed, store, now) || (dry_run && !shows_dry_run(store, observed))
        {
            return Some(StoreJob::Prune {
                dry_run,
                missing: missing(observed),
            });
        }
    }
    let unlisted = observed
        .snapshots
        .iter()
        .any(|shot| is_unlisted(shot, store, now));
    (unlisted || now >= next_look).then_some(StoreJob::Sync)
}

/// Retention runs right after a success, and only then: whether there was one since it ran last.
fn succeeded_since_pruning(
    plan: &EtcdBackup,
    observed: &Observed,
    store: &StoreView,
    now: DateTime<Utc>,
) -> bool {
    let recorded = plan.status.as_ref().and_then(|status| status.retention.as_ref());
    let pruned = match &store.retention {
        Some(Ok(pruning)) => pruning.at,
        // It failed, and is tried again after the next success.
        Some(Err(_)) => store.at,
        // Not yet in this term of leadership: the process before us may have been about to.
        None => recorded.map_or(store.since, |retention| retention.time),
    };
    observed.snapshots.iter().any(|shot| {
        let here = !shot.found && !shot.deleting && !shot.is_elsewhere();
        let ours = shot.phase == SnapshotPhase::Succeeded && here;
        ours && (is_unlisted(shot, store, now) || ended(shot, store).filter(|at| *at <= now) > Some(pruned))
    })
}

/// When a snapshot was stored: as its manifest says once that is listed, since the status leaves out what is less than a
/// second, and retention may have run within it.
fn ended(shot: &Shot, store: &StoreView) -> Option<DateTime<Utc>> {
    let listed = store.holds.as_ref().map_or(&[][..], |holds| &holds.backups);
    let listed = listed
        .iter()
        .find(|backup| Some(&backup.run_id) == shot.run_id.as_ref());
    let proved = listed.and_then(|backup| backup.verified);
    proved.or(shot.completed)
}

/// When the store is to be asked again, whatever happens.
pub(super) fn next_look(plan: &EtcdBackup, store: &StoreView, resync: TimeDelta) -> DateTime<Utc> {
    let wait = if store.holds.is_ok() {
        resync
    } else {
        resync.min(ASK_AGAIN)
    };
    // Spread by UID: ten thousand plans that were all asked at the start are not all asked again together.
    let digest = Sha256::digest(plan.uid().unwrap_or_default().as_bytes());
    store.at + wait + wait * i32::from(digest[0]) / 256
}

/// Whether the annotation asks to be shown what pruning would remove, instead of pruning.
pub fn is_dry_run(plan: &EtcdBackup) -> bool {
    plan.annotations()
        .get(labels::DRY_RUN_RETENTION)
        .is_some_and(|value| value != "false")
}

/// Whether what a dry run finds is known. What was pinned since would not go any more, and by another policy other things would.
fn shows_dry_run(store: &StoreView, observed: &Observed) -> bool {
    match &store.retention {
        Some(Ok(pruning)) => {
            pruning.dry_run
                && !pruning.superseded
                && !pruning
                    .removed
                    .iter()
                    .any(|gone| observed.is_pinned(&gone.run_id))
        }
        // It failed; it is tried again after the next success, not at once.
        Some(Err(_)) => true,
        None => false,
    }
}

/// Whether the specification was changed since the status was written: the store may be another one.
pub fn spec_changed(plan: &EtcdBackup) -> bool {
    let seen = plan.status.as_ref().and_then(|status| status.observed_generation);
    seen.is_some() && seen != plan.metadata.generation
}

/// What retention may find overdue although the store has it no more: what it removed itself and was killed before it heard so, or
/// what somebody else removed.
fn missing(observed: &Observed) -> Vec<Candidate> {
    let going = |shot: &&Shot| !shot.deleting && !shot.pinned;
    let shots = observed.snapshots.iter().filter(going);
    shots.filter_map(|shot| shot.missing.clone()).collect()
}
