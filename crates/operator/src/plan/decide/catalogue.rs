//! The store and the cluster brought to agreement: what the store holds gets an EtcdSnapshot, what retention
//! removed loses its own, what vanished otherwise is looked at again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use etcd_backup_api::SnapshotPhase;

use super::naming;
use super::view::{Backup, Holdings, NewSnapshot, Observed, Origin, Shot, StoreView};
use crate::status;

/// How many EtcdSnapshots are created at one look: an old bucket with thousands is worked off in steps.
pub(super) const MOST_CREATED_AT_ONCE: usize = 50;

/// How many failed snapshots a plan keeps for people to look at.
pub(super) const FAILED_KEPT: usize = 10;

/// All backups that are known: what the store listed, and what succeeded since then. By run.
pub(super) fn known(observed: &Observed, now: DateTime<Utc>) -> BTreeMap<&str, &Backup> {
    let listed = holdings(observed)
        .map(|holds| holds.backups.as_slice())
        .unwrap_or_default();
    let mut known: BTreeMap<&str, &Backup> = listed
        .iter()
        .map(|backup| (backup.run_id.as_str(), backup))
        .collect();
    if let Some(store) = &observed.store {
        let fresh = observed
            .snapshots
            .iter()
            .filter(|shot| is_unlisted(shot, store, now));
        for backup in fresh.filter_map(|shot| shot.backup.as_ref()) {
            known.entry(&backup.run_id).or_insert(backup);
        }
    }
    known
}

/// What the store held when it was last read successfully, if it was.
pub(super) fn holdings(observed: &Observed) -> Option<&Holdings> {
    observed
        .store
        .as_ref()
        .and_then(|store| store.holds.as_ref().ok())
}

/// Whether `shot` succeeded too late for the listing to have it for sure, and it does not have it.
///
/// An end in the future was written by hand and proves nothing.
///
/// What retention has just removed is not missing from the listing, nor is what was stored elsewhere.
pub(super) fn is_unlisted(shot: &Shot, store: &StoreView, now: DateTime<Utc>) -> bool {
    let pruned = || pruned_runs(Some(store)).any(|run| Some(run) == shot.run_id.as_deref());
    let listed = || {
        let backups = store
            .holds
            .as_ref()
            .map(|holds| holds.backups.as_slice())
            .unwrap_or_default();
        backups
            .iter()
            .any(|backup| Some(&backup.run_id) == shot.run_id.as_ref())
    };
    shot.phase == SnapshotPhase::Succeeded
        && !shot.deleting
        && !shot.is_elsewhere()
        && shot
            .completed
            .is_some_and(|completed| completed + status::PRECISION >= store.since && completed <= now)
        && !listed()
        && !pruned()
}

/// EtcdSnapshots for backups that have none.
pub(super) fn to_create(plan: &str, observed: &Observed) -> Vec<NewSnapshot> {
    let Some(holds) = holdings(observed) else {
        return Vec::new();
    };
    let shown: BTreeSet<&str> = observed.snapshots.iter().filter_map(Shot::shows).collect();
    let mut names: BTreeSet<&str> = observed.snapshots.iter().map(|shot| shot.name.as_str()).collect();
    names.extend(observed.foreign.iter().map(String::as_str));
    // A run that is not over may have written its manifest already; its own EtcdSnapshot will show it.
    let oldest_active = observed
        .snapshots
        .iter()
        .filter(|shot| shot.is_active())
        .map(|shot| shot.created)
        .min();
    let missing = holds.backups.iter().filter(|backup| {
        !shown.contains(backup.run_id.as_str()) && oldest_active.is_none_or(|active| backup.taken < active)
    });
    let mut created = Vec::new();
    let mut used = BTreeSet::new();
    for backup in missing.take(MOST_CREATED_AT_ONCE) {
        let free = naming::for_found(plan, backup)
            .into_iter()
            .find(|name| !names.contains(name.as_str()) && !used.contains(name));
        if let Some(name) = free {
            used.insert(name.clone());
            let origin = Origin::Found {
                run_id: backup.run_id.clone(),
                slot: backup.slot,
            };
            created.push(NewSnapshot { name, origin });
        }
    }
    created
}

/// EtcdSnapshots that have nothing left to show: retention removed what they stood for, or they failed long ago.
pub(super) fn to_delete(observed: &Observed) -> Vec<String> {
    let pruned: BTreeSet<&str> = pruned_runs(observed.store.as_ref()).collect();
    // One that somebody pinned too late stays, and says that its backup is gone.
    let unpinned = observed.snapshots.iter().filter(|shot| !shot.pinned);
    let stood_for_pruned = unpinned.filter(|shot| {
        shot.run_id.as_deref().is_some_and(|run| pruned.contains(run))
            && matches!(shot.phase, SnapshotPhase::Succeeded | SnapshotPhase::Missing)
    });
    let mut failed: Vec<&Shot> = observed
        .snapshots
        .iter()
        .filter(|shot| shot.phase == SnapshotPhase::Failed && !shot.pinned)
        .collect();
    failed.sort_by_key(|shot| std::cmp::Reverse(shot.created));
    let old_failures = failed.into_iter().skip(FAILED_KEPT);
    let going = stood_for_pruned.chain(old_failures).filter(|shot| !shot.deleting);
    going.map(|shot| shot.name.clone()).collect()
}

/// Runs that retention has removed, as the last pruning of this term tells.
fn pruned_runs(store: Option<&StoreView>) -> impl Iterator<Item = &str> {
    let retention = store.and_then(|store| store.retention.as_ref());
    let pruning = retention.and_then(|outcome| outcome.as_ref().ok());
    let removed = pruning
        .filter(|pruning| !pruning.dry_run)
        .map_or(&[][..], |pruning| &pruning.removed);
    removed.iter().map(|gone| gone.run_id.as_str())
}

/// EtcdSnapshots whose own decision may change by what the store said.
pub(super) fn to_wake(observed: &Observed) -> Vec<String> {
    let Some(store) = &observed.store else {
        return Vec::new();
    };
    let listed: Option<BTreeSet<&str>> = store.holds.as_ref().ok().map(|holds| {
        holds
            .backups
            .iter()
            .map(|backup| backup.run_id.as_str())
            .collect()
    });
    let concerned = observed.snapshots.iter().filter(|shot| {
        let there = shot
            .run_id
            .as_deref()
            .zip(listed.as_ref())
            .map(|(run, listed)| listed.contains(run));
        match shot.phase {
            _ if shot.deleting => true,
            SnapshotPhase::Pending | SnapshotPhase::Running => true,
            SnapshotPhase::Succeeded => there == Some(false),
            SnapshotPhase::Missing => there == Some(true),
            SnapshotPhase::Failed => false,
        }
    });
    concerned.map(|shot| shot.name.clone()).collect()
}
