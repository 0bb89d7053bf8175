//! Retention: from a plan's policy and a fresh listing to what goes.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_api::conditions::reason;
use etcd_backup_backup::catalogue::{Catalogue, Entry, RemoveError, Spared, ask_locks, newest_of};
use etcd_backup_backup::layout::{ClusterId, RunId};
use etcd_backup_backup::retention::{self, Candidate, Context, Hold, Kept, Policy};
use etcd_backup_store::Lock;
use futures::FutureExt;

use super::live::restorable;
use super::place::{Place, Removed, moved, unasked};
use super::policy::{calendar, policy};
use super::result::{Removal, RetentionOutcome};
use super::work::Prune;
use crate::connect::{Failure, refused};
use crate::plan::decide::is_dry_run;

/// How far the store's clock may be from ours, in seconds, for ours to say what is old: what Amazon S3 allows the time in a
/// signature (15 minutes, its error `RequestTimeTooSkewed`). Not all servers ask for that.
const MOST_APART: u64 = 15 * 60;

/// Applies the plan's retention to what `catalogue` holds, and takes what went out of it.
pub(super) async fn run(
    place: &Place,
    catalogue: &mut Catalogue,
    plan: &EtcdBackup,
    prune: &Prune,
    now: DateTime<Utc>,
) -> Result<RetentionOutcome, Failure> {
    // What it says by now, in case this waited for the store.
    let by_now = place.live.plan(plan).await?;
    let Some(by_now) = by_now.filter(|plan| !is_going(plan)) else {
        return Err(Failure::lasting(
            reason::PLAN_NOT_FOUND,
            "the plan is gone or going",
        ));
    };
    if let Some(moved) = moved(plan, &by_now) {
        return Err(Failure::lasting(moved.reason, moved.why));
    }
    let plan = &*by_now;
    let dry_run = prune.dry_run || is_dry_run(plan);
    let nothing = RetentionOutcome {
        at: now,
        dry_run,
        rules: plan.spec.retention.clone(),
        time_zone: plan.spec.time_zone.clone(),
        kept: 0,
        removed: Vec::new(),
        held: None,
        locked: Vec::new(),
        spared: Vec::new(),
        refused: Vec::new(),
    };
    let ours: Vec<&Entry> = catalogue
        .backups
        .iter()
        .filter(|entry| entry.belongs_to(&place.owner))
        .collect();
    // The generation is that of the newest backup. Without one there is nothing to keep, so nothing may go.
    let Some(newest) = newest_of(ours.iter().copied(), now) else {
        return Ok(nothing);
    };
    let Some(rules) = &plan.spec.retention else {
        return Ok(RetentionOutcome {
            kept: ours.len(),
            ..nothing
        });
    };
    let (zone, interval) = calendar(plan, now)?;
    let context = Context {
        generation: newest.location.cluster,
        now,
        zone,
        interval,
    };
    let mut candidates = candidates(place, catalogue, plan);
    let policy = policy(rules);
    let mut verdict = retention::plan(&policy, &candidates, &context);
    if !verdict.remove.is_empty() {
        let asked = ask_locks(&*place.store, catalogue, &verdict.remove, &mut candidates).await;
        asked.map_err(|error| refused(&error))?;
        verdict = retention::plan(&policy, &candidates, &context);
    }
    let skew = clock_skew(place.store.clock_offset());
    let in_part = skew.is_none() && matches!(verdict.hold, Some(Hold::ClockLeap { .. }));
    let by_policy = verdict.hold;
    let held = skew.or_else(|| by_policy.map(|hold| Failure::lasting(hold.reason(), hold.to_string())));
    if let Some(held) = held.clone().filter(|_| !dry_run && !in_part) {
        return Err(held);
    }
    let held_too = verdict.held.iter().filter(|_| dry_run);
    let why: Vec<(RunId, String)> = verdict
        .remove
        .iter()
        .chain(held_too)
        .map(|removal| (removal.id, removal.why.to_string()))
        .collect();
    let outcome = RetentionOutcome {
        kept: if dry_run {
            verdict.keep.len()
        } else {
            verdict.keep.len() + verdict.held.len()
        },
        held,
        locked: locked(&verdict.keep),
        ..nothing
    };
    if dry_run {
        return Ok(RetentionOutcome {
            removed: in_order(&why, |_| true),
            ..outcome
        });
    }
    let overdue = overdue(&policy, candidates, &prune.missing, &context);
    let away = take_away(place, catalogue, plan, &why, context.generation).await?;
    let mut removed = in_order(&why, |run_id| away.gone.iter().any(|id| id == run_id));
    removed.extend(in_order(&overdue, |_| true));
    removed.sort_by(|one, other| one.run_id.cmp(&other.run_id));
    Ok(RetentionOutcome {
        kept: outcome.kept + away.spared.len(),
        removed,
        spared: away.spared,
        refused: away.refused,
        ..outcome
    })
}

/// Why nothing may go by our clock: the store has another time. Whichever of the two is wrong, what is old by ours alone may be
/// young. A store is believed no further than that.
fn clock_skew(store_minus_ours: Option<i64>) -> Option<Failure> {
    let seconds = store_minus_ours.filter(|seconds| seconds.unsigned_abs() > MOST_APART)?;
    let (apart, direction) = (
        seconds.unsigned_abs(),
        if seconds < 0 { "behind" } else { "ahead of" },
    );
    let apart = etcd_backup_api::Duration::from_secs(apart);
    Some(Failure::lasting(
        "ClockSkew",
        format!(
            "the store's clock is {apart} {direction} this machine's: set the wrong one right (NTP); until then nothing is removed"
        ),
    ))
}

/// What there is, and what is known of it without asking the store again.
fn candidates(place: &Place, catalogue: &Catalogue, plan: &EtcdBackup) -> Vec<Candidate> {
    let (pins, restorable) = (place.live.pins(plan), restorable(plan));
    let candidate = |entry: &Entry| {
        let run_id = entry.location.run.to_string();
        let pinned = pins.hold(&entry.manifest) || restorable == Some(&*run_id);
        let in_use = place.in_use.holds(&run_id);
        Candidate {
            lock: promised_lock(plan, entry),
            ..entry.candidate(&place.owner, pinned, in_use, false)
        }
    };
    catalogue.backups.iter().map(candidate).collect()
}

fn is_going(plan: &EtcdBackup) -> bool {
    plan.metadata.deletion_timestamp.is_some()
}

/// Removes what is to go, and says what became of it.
async fn take_away(
    place: &Place,
    catalogue: &mut Catalogue,
    plan: &EtcdBackup,
    why: &[(RunId, String)],
    generation: ClusterId,
) -> Result<Removed, Failure> {
    if why.is_empty() {
        return Ok(Removed::default());
    }
    place.check_owner().await?;
    place.check_fence()?;
    let doomed: HashSet<RunId> = why.iter().map(|(id, _)| *id).collect();
    let doomed = catalogue
        .backups
        .iter()
        .filter(|entry| {
            doomed.contains(&entry.location.run)
                && entry.location.cluster == generation
                && entry.belongs_to(&place.owner)
        })
        .cloned()
        .collect();
    let spare = |entry| is_unwanted(place, plan, entry).boxed();
    Ok(place.remove(catalogue, doomed, &spare).await)
}

/// Whether the backup may still go, although people may have said otherwise since it was decided on, under `plan`.
async fn is_unwanted(place: &Place, plan: &EtcdBackup, entry: Entry) -> Result<(), RemoveError> {
    let spared = |reason, why| Err(Spared::by_request(reason, why).into());
    let now = place.live.plan(plan).await.map_err(unasked)?;
    let Some(now) = now.filter(|now| !is_going(now)) else {
        return spared(reason::PLAN_NOT_FOUND, "its plan is gone or going");
    };
    if is_dry_run(&now) {
        return spared(reason::DRY_RUN, "its plan is in a dry run by now");
    }
    if let Some(moved) = moved(plan, &now) {
        return Err(moved.into());
    }
    if now.spec.retention != plan.spec.retention {
        return spared("RetentionChanged", "its plan has another retention by now");
    }
    if now.spec.time_zone != plan.spec.time_zone {
        return spared(
            "RetentionChanged",
            "its plan has another time zone by now, and with it other days",
        );
    }
    if restorable(&now) == Some(&*entry.location.run.to_string()) {
        return spared("Restorable", "it is by now the newest that a drill restored");
    }
    if place
        .live
        .is_pinned(&now, &entry.manifest)
        .await
        .map_err(unasked)?
    {
        return spared(reason::PINNED, "it is pinned by now");
    }
    Ok(())
}

/// Those of `missing` that would go by now if they were there, as what they are shown for has gone: by an operator that was killed
/// before it could say so, or by somebody else. What is there was judged without them.
fn overdue(
    policy: &Policy,
    mut candidates: Vec<Candidate>,
    missing: &[Candidate],
    context: &Context,
) -> Vec<(RunId, String)> {
    let there: HashSet<RunId> = candidates.iter().map(|candidate| candidate.id).collect();
    let missing = missing.iter().filter(|missing| !there.contains(&missing.id));
    candidates.extend(missing.cloned());
    let verdict = retention::plan(policy, &candidates, context);
    let gone = verdict
        .remove
        .into_iter()
        .filter(|removal| !there.contains(&removal.id));
    gone.map(|removal| (removal.id, removal.why.to_string()))
        .collect()
}

/// The lock that a backup has if it was written under the plan as it is now. Known without asking the store for each, of
/// which there may be thousands; and some stores, or the permissions they give, do not tell.
fn promised_lock(plan: &EtcdBackup, entry: &Entry) -> Option<Lock> {
    let lock = plan.spec.storage.s3.as_ref()?.object_lock.as_ref()?;
    let time = chrono::TimeDelta::from_std(lock.retain_for.as_std()).ok()?;
    let end = entry.manifest.times.started.checked_add_signed(time)?;
    Some(Lock::Until(end))
}

/// What a lock alone keeps, oldest first.
fn locked(kept: &[Kept]) -> Vec<Removal> {
    let locked = kept.iter().rev().filter(|kept| kept.only_locked().is_some());
    let removal = |kept: &Kept| Removal {
        run_id: kept.id.to_string(),
        why: kept.reasons.iter().map(ToString::to_string).collect(),
    };
    locked.map(removal).collect()
}

/// The removals that `counts` selects, oldest first.
fn in_order(why: &[(RunId, String)], counts: impl Fn(&str) -> bool) -> Vec<Removal> {
    let removals = why.iter().rev().map(|(id, why)| Removal {
        run_id: id.to_string(),
        why: why.clone(),
    });
    removals.filter(|removal| counts(&removal.run_id)).collect()
}
