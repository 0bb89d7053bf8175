use chrono::{DateTime, TimeDelta, Utc};

use super::Schedule;

/// The most missed slots that are counted. What a person does about a hundred is what they do about a thousand, and a
/// plan that slept for years must not cost more than one that slept for a day.
pub const MISSED_CAP: u32 = 100;

/// What a plan's schedule asks for at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The slot to run now; none when nothing is due. Never more than one, however many were missed.
    pub slot: Option<DateTime<Utc>>,
    /// Slots that passed and will not be run.
    pub missed: Missed,
    /// The latest slot that this answer deals with, run or missed: what to pass as `last` next time. `None` when `last` was
    /// not believed and no slot has come yet.
    pub handled: Option<DateTime<Utc>>,
    /// The slot after `now`, and so when to ask again (later by the jitter). `None` only beyond the calendar.
    pub next: Option<DateTime<Utc>>,
}

/// Slots that passed and will not be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missed {
    /// How many, at most [`MISSED_CAP`].
    pub count: u32,
    /// There may be more than `count`.
    pub more: bool,
}

/// Which slot is due at `now`, if the last one that was dealt with (or the plan's creation, if none was) is `last`.
///
/// - A slot is run when it lies within `starting_deadline` before `now`; of several only the latest, and the others count
///   as missed.
/// - With jitter, pass `now - jitter`: everything shifts by it.
/// - A `last` in the future is not believed, since no slot is dealt with before it comes: the clock was wrong then or is
///   now. Only the latest slot is then looked at, and nothing counts as missed. Whoever names runs by their slots will
///   find that a slot has run already.
pub fn due(
    schedule: &Schedule,
    last: DateTime<Utc>,
    now: DateTime<Utc>,
    starting_deadline: TimeDelta,
) -> Due {
    let next = schedule.next_after(now);
    let latest = schedule.previous_or_at(now);
    let believed = last <= now;
    let Some(latest) = latest.filter(|latest| !believed || *latest > last) else {
        return Due {
            slot: None,
            missed: Missed::default(),
            handled: believed.then_some(last),
            next,
        };
    };
    let in_time = now - latest <= starting_deadline;
    let missed = match (believed, in_time) {
        (false, _) => Missed::default(),
        (true, true) => missed_between(schedule, last, latest),
        (true, false) => missed_between(schedule, last, latest + TimeDelta::seconds(1)),
    };
    Due {
        slot: in_time.then_some(latest),
        missed,
        handled: Some(latest),
        next,
    }
}

/// Slots after `from` and before `to`.
fn missed_between(schedule: &Schedule, from: DateTime<Utc>, to: DateTime<Utc>) -> Missed {
    let mut missed = Missed::default();
    let mut time = from;
    while let Some(slot) = schedule.next_after(time).filter(|slot| *slot < to) {
        if missed.count == MISSED_CAP {
            missed.more = true;
            break;
        }
        missed.count += 1;
        time = slot;
    }
    missed
}
