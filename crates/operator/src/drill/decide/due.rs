//! Whether a drill begins.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::labels;
use etcd_backup_backup::schedule::due;
use kube::ResourceExt;

use super::{ACTION, Case, LOOK, Work, new_drill};
use crate::events::{Note, reason};

/// Longest value that the status can remember (`drill.lastDrillNow` in the CRD).
const MAX_TOKEN: usize = 1024;

/// Begins a drill of the newest snapshot, if one is due and can be.
///
/// What is due and cannot begin stays due: a slot for as long as it may be made up for, what a person asked for and what a
/// success asks for until it can. However many of them come together, it is one drill.
pub(super) fn begin(case: &mut Case<'_>) {
    let slot = slot(case);
    let asked = token(case).map(str::to_owned);
    let due = asked.is_some() || slot.is_due || is_due_by_success(case);
    let can_begin = case.refusal.is_none() && case.observed.settled;
    let newest = case.observed.newest.as_ref().filter(|_| due && can_begin);
    let Some(newest) = newest else {
        case.drills.last_slot = if slot.is_due { slot.before } else { slot.handled };
        return;
    };
    let running = new_drill(case.plan, newest, case.now);
    let message = format!("{} is restored by the Job {}", running.snapshot, running.job);
    case.drills.running = Some(running);
    case.drills.last_slot = slot.handled;
    case.drills.last_drill_now = asked.or_else(|| case.drills.last_drill_now.take());
    case.decision
        .notes
        .push(Note::normal(reason::DRILL_STARTED, ACTION, message));
    case.decision.work = Some(Work::Pursue);
    case.again(case.now + LOOK);
}

/// What the drills' own schedule says.
#[derive(Debug, Default)]
struct Slot {
    /// One is due.
    is_due: bool,
    /// The newest that was dealt with before.
    before: Option<DateTime<Utc>>,
    /// The newest that is dealt with when the due one is.
    handled: Option<DateTime<Utc>>,
}

fn slot(case: &mut Case<'_>) -> Slot {
    let nothing = Slot {
        is_due: false,
        before: case.drills.last_slot,
        handled: case.drills.last_slot,
    };
    case.drills.next = None;
    let (Some(schedule), Some(timing)) = (&case.schedule, case.timing) else {
        return nothing;
    };
    if case.plan.spec.suspend {
        return nothing;
    }
    // Slots before the schedule was set are not its own. One that is in the future was written by hand, or by a clock that was
    // wrong.
    let by = case.now - timing.jitter;
    let last = case
        .drills
        .last_slot
        .filter(|last| *last <= case.now)
        .unwrap_or(by);
    let answer = due(schedule, last, by.max(last), timing.starting_deadline);
    let next = answer.next.map(|slot| slot + timing.jitter);
    case.drills.next = next;
    if let Some(next) = next {
        case.again(next);
    }
    if let Some(slot) = answer.slot {
        // When it is too late for it, that has to be written down.
        case.again(slot + timing.jitter + timing.starting_deadline + TimeDelta::seconds(1));
    }
    Slot {
        is_due: answer.slot.is_some(),
        before: Some(last),
        handled: answer.handled,
    }
}

/// Without a schedule of their own, drills follow successes.
fn is_due_by_success(case: &Case<'_>) -> bool {
    if case.spec.schedule.is_some() || case.plan.spec.suspend {
        return false;
    }
    let last = case.drills.last.as_ref().map(|last| &last.run_id);
    let newest = case.observed.newest.as_ref().map(|newest| &newest.source.run_id);
    newest.is_some() && newest != last
}

/// The value of the annotation, if it was not answered yet, as far as the status remembers it.
fn token<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let token = case.plan.annotations().get(labels::DRILL_NOW)?;
    let token = &token[..token.floor_char_boundary(MAX_TOKEN)];
    let answered = case.drills.last_drill_now.as_deref();
    (!token.is_empty() && answered != Some(token)).then_some(token)
}
