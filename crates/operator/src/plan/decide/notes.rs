//! What is told about a plan: changes of state, each once.

use etcd_backup_api::conditions::{backup as kind, find};
use etcd_backup_api::{EtcdBackup, EtcdBackupStatus};

use super::conditions::was_bad;
use super::due::Slots;
use super::pruned::{dry_run_message, first_of};
use super::view::{Decision, Observed, Origin, Pruning};
use crate::events::{Note, reason};
use crate::status::{Truth, rfc3339};

const SCHEDULE: &str = "Schedule";
const CHECK: &str = "CheckPlan";
const PRUNE: &str = "Prune";
const SYNC: &str = "ListStore";

/// The notes that go with `decision`; `caution` is about a backup that lies in the future.
pub(super) fn about(
    plan: &EtcdBackup,
    observed: &Observed,
    slots: &Slots,
    decision: &Decision,
    caution: Option<&str>,
) -> Vec<Note> {
    let nothing = EtcdBackupStatus::default();
    let before = plan.status.as_ref().unwrap_or(&nothing);
    let mut notes = created(decision);
    notes.extend(slot_notes(observed, slots));
    notes.extend(transitions(before, &decision.status));
    notes.extend(retained(before, observed));
    notes.extend(decision.drill.notes.iter().cloned());
    notes.extend(drill_refused(before, &decision.status));
    notes.extend(from_the_future(before, caution));
    notes
}

fn created(decision: &Decision) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut found = Vec::new();
    for new in &decision.create {
        match &new.origin {
            Origin::Slot(slot) => {
                let message = format!("{} for the slot {}", new.name, rfc3339(*slot));
                notes.push(Note::normal(reason::SNAPSHOT_SCHEDULED, SCHEDULE, message));
            }
            Origin::Asked => {
                let message = format!("{}, asked for by annotation", new.name);
                notes.push(Note::normal(reason::SNAPSHOT_REQUESTED, SCHEDULE, message));
            }
            Origin::Found { .. } => found.push(new.name.as_str()),
        }
    }
    if let Some(first) = found.first() {
        let message = format!(
            "{} snapshots found in the store get an EtcdSnapshot: {first} …",
            found.len()
        );
        notes.push(Note::normal(reason::FOUND_IN_STORE, SYNC, message));
    }
    notes
}

fn slot_notes(observed: &Observed, slots: &Slots) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(slot) = slots.skipped {
        let active: Vec<&str> = observed
            .snapshots
            .iter()
            .filter(|shot| shot.holds_up_slots())
            .map(|shot| shot.name.as_str())
            .collect();
        let message = format!(
            "the slot {} is left out: {} is not over. If this happens often, runs take longer than the schedule allows",
            rfc3339(slot),
            active.join(", ")
        );
        notes.push(Note::warning(reason::SLOT_SKIPPED, SCHEDULE, message));
    }
    if slots.missed > 0 {
        let message = format!(
            "{} slots passed while no operator was there to run them, longer ago than startingDeadline allows to make up for",
            slots.missed
        );
        notes.push(Note::warning(reason::SLOTS_MISSED, SCHEDULE, message));
    }
    notes
}

/// Notes for conditions that changed their truth.
fn transitions(before: &EtcdBackupStatus, after: &EtcdBackupStatus) -> Vec<Note> {
    const BAD: &str = Truth::False.as_str();
    const GOOD: &str = Truth::True.as_str();
    let mut notes = Vec::new();
    for (kind, worse, better, action) in [
        (kind::ACCEPTED, reason::NOT_ACCEPTED, None, CHECK),
        (
            kind::STORE_REACHABLE,
            reason::STORE_UNREACHABLE,
            Some(reason::STORE_REACHABLE_AGAIN),
            SYNC,
        ),
        (kind::FRESH, reason::OVERDUE, Some(reason::FRESH_AGAIN), CHECK),
        (kind::RETENTION_SUCCEEDED, reason::RETENTION_FAILED, None, PRUNE),
    ] {
        let (Some(now), was) = (find(&after.conditions, kind), find(&before.conditions, kind)) else {
            continue;
        };
        let changed = was.is_none_or(|was| was.status != now.status);
        if changed && now.status == BAD {
            notes.push(Note::warning(
                worse,
                action,
                format!("{}: {}", now.reason, now.message),
            ));
        } else if changed && now.status == GOOD && was.is_some_and(was_bad) {
            notes.extend(better.map(|better| Note::normal(better, action, now.message.clone())));
        }
    }
    if let Some(taken) = find(&after.conditions, kind::READY).filter(|ready| ready.reason == "NameTaken")
        && find(&before.conditions, kind::READY).is_none_or(|was| was.message != taken.message)
    {
        notes.push(Note::warning(reason::NAME_TAKEN, SCHEDULE, taken.message.clone()));
    }
    notes
}

/// That a backup lies in the future, when that is news: `Fresh` may well stay as it is.
fn from_the_future(before: &EtcdBackupStatus, caution: Option<&str>) -> Option<Note> {
    let caution = caution?;
    let told = find(&before.conditions, kind::FRESH).is_some_and(|was| was.message.contains(caution));
    (!told).then(|| Note::warning(reason::BACKUP_IN_THE_FUTURE, CHECK, caution))
}

/// That no drill can begin, or go on, when that is news. What a drill found is told by the drill.
fn drill_refused(before: &EtcdBackupStatus, after: &EtcdBackupStatus) -> Option<Note> {
    let now = find(&after.conditions, kind::RESTORABLE).filter(|now| now.status == Truth::False.as_str())?;
    let of_a_drill = |status: &EtcdBackupStatus| {
        let last = status.drill.as_ref().and_then(|drill| drill.last.clone());
        last.and_then(|last| last.reason)
    };
    let known = find(&before.conditions, kind::RESTORABLE).is_some_and(|was| was.reason == now.reason);
    let told = of_a_drill(after).as_ref() == Some(&now.reason);
    (!known && !told).then(|| {
        let message = format!("{}: {}", now.reason, now.message);
        Note::warning(reason::DRILL_REFUSED, CHECK, message)
    })
}

/// What retention did since it was last told, and what it left alone.
fn retained(before: &EtcdBackupStatus, observed: &Observed) -> Vec<Note> {
    let outcome = observed.store.as_ref().and_then(|store| store.retention.as_ref());
    let Some(Ok(pruning)) = outcome else {
        return Vec::new();
    };
    let told = before
        .retention
        .as_ref()
        .map(|retention| retention.time.timestamp_millis());
    if told >= Some(pruning.at.timestamp_millis()) {
        return Vec::new();
    }
    let did = if pruning.dry_run {
        Some(Note::normal(
            reason::RETENTION_DRY_RUN,
            PRUNE,
            dry_run_message(pruning),
        ))
    } else if pruning.removed.is_empty() {
        None
    } else {
        Some(Note::normal(reason::PRUNED, PRUNE, removed_message(pruning)))
    };
    let spared = pruning.spared.as_ref();
    let spared = spared.map(|spared| Note::normal(reason::SPARED, PRUNE, spared.message.clone()));
    did.into_iter().chain(spared).collect()
}

fn removed_message(pruning: &Pruning) -> String {
    format!(
        "removed from the store: {}; {} kept",
        first_of(&pruning.removed),
        pruning.kept
    )
}
