//! The status of a plan, from what the store holds and what its snapshots say. Nothing of it is needed to work
//! it out again except which slots and which requests were answered.

use chrono::{DateTime, Utc};
use etcd_backup_api::{
    AttemptResult, EtcdBackup, EtcdBackupStatus, LastAttempt, LastSuccess, ObservedEtcd, RetentionStatus,
    SnapshotPhase,
};
use etcd_backup_backup::newest;

use super::catalogue::{holdings, known};
use super::due::Slots;
use super::freshness::{Freshness, judge};
use super::view::{Backup, Decision, Observed, Origin, Pruning, Shot};
use super::{conditions, demand, pruned, taken_name};
use crate::drill::decide::Verdict;
use crate::plan::timing::{Timing, Trouble};
use crate::status::Conditions;

/// How many candidates of a dry run the status lists (`wouldRemove` in the CRD).
const MOST_CANDIDATES: usize = 50;

/// What was concluded before the status is written.
#[derive(Debug)]
pub(super) struct Judged {
    /// Why the specification cannot be used.
    pub invalid: Option<Trouble>,
    /// How old the newest backup may be, and is.
    pub freshness: Freshness,
    /// The store that the plan names was read, or a run stored something there.
    pub known: bool,
    /// What to say of a backup that lies in the future, if one does.
    pub caution: Option<String>,
    /// A name that somebody else took.
    pub taken: Option<String>,
    /// What its drills say, where there are any.
    pub restorable: Option<Verdict>,
}

impl Judged {
    /// Concludes.
    pub(super) fn of(
        plan: &EtcdBackup,
        timing: &Result<Timing, Trouble>,
        observed: &Observed,
        slots: &Slots,
        restorable: Option<Verdict>,
        now: DateTime<Utc>,
    ) -> Self {
        let taken = newest_verified(observed, now).map(|backup| backup.taken);
        // As long as the store was not asked, what the status says is the best that is known.
        let recorded = || {
            plan.status
                .as_ref()
                .and_then(|status| status.last_success.as_ref())
        };
        let taken = match holdings(observed) {
            Some(_) => taken,
            None => taken.max(
                recorded()
                    .map(|success| success.time)
                    .filter(|time| !newest::is_ahead(*time, now)),
            ),
        };
        let known = holdings(observed).is_some() || newest_verified(observed, now).is_some();
        // One that lies in the future tells nothing of how old the data is.
        let taken = taken.filter(|taken| !newest::is_ahead(*taken, now));
        // Of the schedule alone: what this operator refuses to do makes no backup younger.
        let mut freshness = judge(plan, &Timing::of(plan), taken, now);
        let caution = caution(observed, now);
        if let Some(caution) = &caution {
            freshness.message = format!("{}; {caution}", freshness.message);
        }
        Self {
            invalid: timing.as_ref().err().cloned(),
            freshness,
            known,
            caution,
            taken: taken_name(plan, observed, slots),
            restorable,
        }
    }
}

/// Writes the status.
pub(super) fn write(
    plan: &EtcdBackup,
    observed: &Observed,
    slots: &Slots,
    judged: &Judged,
    decision: &Decision,
    now: DateTime<Utc>,
) -> EtcdBackupStatus {
    let before = plan.status.clone().unwrap_or_default();
    let mut status = before.clone();
    status.observed_generation = plan.metadata.generation;
    if holdings(observed).is_some() {
        from_store(&mut status, observed, decision, now);
    }
    status.last_attempt = last_attempt(&observed.snapshots).or(before.last_attempt.clone());
    status.next_run = slots.next;
    status.last_slot = slots.last;
    status.missed_runs = Some(missed(&before, &status, slots));
    if judged.invalid.is_none()
        && judged.taken.is_none()
        && let Some(token) = demand::token(plan)
    {
        status.last_run_now = Some(demand::remembered(token).to_owned());
    }
    let outcome = observed.store.as_ref().and_then(|store| store.retention.as_ref());
    if let Some(Ok(pruning)) = outcome {
        status.retention = Some(retention(pruning));
    }
    status.drill = decision.drill.status.clone().map(Box::new);
    status.last_restorable.clone_from(&decision.drill.restorable);
    status.conditions = all_conditions(plan, observed, slots, judged, &status, &before, now);
    unless_only_the_look_is_newer(status, &before)
}

fn all_conditions(
    plan: &EtcdBackup,
    observed: &Observed,
    slots: &Slots,
    judged: &Judged,
    status: &EtcdBackupStatus,
    before: &EtcdBackupStatus,
    now: DateTime<Utc>,
) -> Vec<etcd_backup_api::Condition> {
    let mut said = Conditions::new(&before.conditions, plan.metadata.generation, now);
    let success = status.last_success.as_ref();
    conditions::accepted(&mut said, judged.invalid.as_ref(), observed);
    conditions::store_reachable(&mut said, observed);
    conditions::last_run(&mut said, observed.last_over(), success);
    conditions::fresh(&mut said, &judged.freshness, judged.known);
    let outcome = observed.store.as_ref().and_then(|store| store.retention.as_ref());
    pruned::retention(&mut said, plan, outcome);
    conditions::restorable(&mut said, judged.restorable.as_ref());
    conditions::ready(&mut said, plan, slots, judged.taken.as_deref(), success);
    said.finish()
}

/// Everything that the store decides.
fn from_store(status: &mut EtcdBackupStatus, observed: &Observed, decision: &Decision, now: DateTime<Utc>) {
    let known = known(observed, now);
    let newest = newest_verified(observed, now);
    status.last_success = newest.map(|backup| LastSuccess {
        snapshot: name_of(backup, observed, decision),
        time: backup.taken,
        revision: backup.revision,
        size: backup.size,
    });
    status.last_verified = known.values().filter_map(|backup| backup.verified).max();
    status.oldest_snapshot = known.values().map(|backup| backup.taken).min();
    status.snapshots = Some(u32::try_from(known.len()).unwrap_or(u32::MAX));
    status.stored_bytes = Some(known.values().map(|backup| backup.stored).sum());
    if let Some(holds) = holdings(observed) {
        status.location = Some(holds.location.clone());
    }
    let latest = known
        .values()
        .max_by_key(|backup| (newest::rank(backup.taken, now), &backup.run_id));
    status.etcd = latest.map(|backup| ObservedEtcd {
        cluster_id: backup.cluster_id.clone(),
        version: backup.version.clone(),
        members: backup.members,
    });
    status.last_synced = observed.store.as_ref().map(|store| store.at);
}

/// The newest backup that was proved.
fn newest_verified(observed: &Observed, now: DateTime<Utc>) -> Option<&Backup> {
    let known = known(observed, now);
    known
        .into_values()
        .filter(|b| b.verified.is_some())
        .max_by_key(|backup| (newest::rank(backup.taken, now), &backup.run_id))
}

/// What to say of a backup that lies in the future, if one does.
fn caution(observed: &Observed, now: DateTime<Utc>) -> Option<String> {
    let ahead: Vec<_> = known(observed, now)
        .into_values()
        .filter(|backup| backup.verified.is_some() && newest::is_ahead(backup.taken, now))
        .filter_map(|backup| Some((backup.run_id.parse().ok()?, backup.taken)))
        .collect();
    if ahead.is_empty() {
        return None;
    }
    let chosen = newest_verified(observed, now)?.run_id.parse().ok()?;
    newest::caution(ahead, chosen, now)
}

/// The EtcdSnapshot that shows a backup, or will; the run when there is none.
fn name_of(backup: &Backup, observed: &Observed, decision: &Decision) -> String {
    let shown = observed
        .snapshots
        .iter()
        .find(|shot| shot.shows() == Some(&*backup.run_id));
    let created = || {
        decision
            .create
            .iter()
            .find(|new| matches!(&new.origin, Origin::Found { run_id, .. } if *run_id == backup.run_id))
    };
    shown
        .map(|shot| shot.name.clone())
        .or_else(|| created().map(|new| new.name.clone()))
        .unwrap_or_else(|| backup.run_id.clone())
}

/// The run that began or ended last. One that was found in the store was nobody's attempt here.
fn last_attempt(snapshots: &[Shot]) -> Option<LastAttempt> {
    let tried = snapshots
        .iter()
        .filter(|shot| !shot.found && shot.started.or(shot.completed).is_some());
    let shot = tried.max_by_key(|shot| shot.recency())?;
    let result = match shot.phase {
        SnapshotPhase::Pending | SnapshotPhase::Running => AttemptResult::Running,
        SnapshotPhase::Succeeded | SnapshotPhase::Missing => AttemptResult::Succeeded,
        SnapshotPhase::Failed => AttemptResult::Failed,
    };
    let reason = (result == AttemptResult::Failed)
        .then(|| shot.reason.clone())
        .flatten();
    Some(LastAttempt {
        snapshot: shot.name.clone(),
        time: shot.moment(),
        result,
        reason,
    })
}

/// Slots without a run since the last success. A success starts the count anew.
fn missed(before: &EtcdBackupStatus, after: &EtcdBackupStatus, slots: &Slots) -> u32 {
    let success = |status: &EtcdBackupStatus| {
        status
            .last_success
            .as_ref()
            .map(|success| success.time.timestamp())
    };
    let sofar = if success(after) > success(before) {
        0
    } else {
        before.missed_runs.unwrap_or(0)
    };
    let more = slots.missed + u32::from(slots.skipped.is_some());
    sofar.saturating_add(more)
}

fn retention(pruning: &Pruning) -> RetentionStatus {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let would = pruning
        .removed
        .iter()
        .filter(|_| pruning.dry_run)
        .take(MOST_CANDIDATES);
    RetentionStatus {
        time: pruning.at,
        kept: number(pruning.kept),
        removed: if pruning.dry_run {
            0
        } else {
            number(pruning.removed.len())
        },
        dry_run: pruning.dry_run,
        locked: number(pruning.locked.len()),
        refused: number(pruning.refused),
        would_remove: would.cloned().collect(),
        held: pruning.held.as_ref().map(|held| held.message.clone()),
    }
}

/// That the store was listed again is not worth a write when it said what it said before: ten thousand idle
/// plans write nothing.
fn unless_only_the_look_is_newer(
    mut status: EtcdBackupStatus,
    before: &EtcdBackupStatus,
) -> EtcdBackupStatus {
    let looked = std::mem::replace(&mut status.last_synced, before.last_synced);
    let same = serde_json::to_value(&status).ok() == serde_json::to_value(before).ok();
    if !same {
        status.last_synced = looked;
    }
    status
}
