//! Which slot is run, and which are missed.

use super::*;

#[test]
fn a_slot_is_run_once_when_it_comes() {
    let schedule = schedule("0 */6 * * *", "UTC");
    let deadline = TimeDelta::hours(1);
    let before = due(
        &schedule,
        at("2026-11-23T06:00:00Z"),
        at("2026-11-23T11:59:59Z"),
        deadline,
    );
    assert_eq!(
        (before.slot, before.next),
        (None, Some(at("2026-11-23T12:00:00Z")))
    );
    let then = due(
        &schedule,
        at("2026-11-23T06:00:00Z"),
        at("2026-11-23T12:00:00Z"),
        deadline,
    );
    assert_eq!(
        (then.slot, then.missed),
        (Some(at("2026-11-23T12:00:00Z")), Missed::default())
    );
    let after = due(
        &schedule,
        then.handled.unwrap(),
        at("2026-11-23T12:00:01Z"),
        deadline,
    );
    assert_eq!(
        (after.slot, after.handled),
        (None, Some(at("2026-11-23T12:00:00Z")))
    );
}

#[test]
fn a_missed_slot_is_caught_up_once_within_the_starting_deadline_and_given_up_after_it() {
    let schedule = schedule("0 */6 * * *", "UTC");
    let caught = due(
        &schedule,
        at("2026-11-22T06:00:00Z"),
        at("2026-11-23T06:40:00Z"),
        TimeDelta::hours(1),
    );
    assert_eq!(caught.slot, Some(at("2026-11-23T06:00:00Z")));
    assert_eq!(
        caught.missed,
        Missed {
            count: 3,
            more: false
        }
    );
    let late = due(
        &schedule,
        at("2026-11-22T06:00:00Z"),
        at("2026-11-23T07:00:01Z"),
        TimeDelta::hours(1),
    );
    assert_eq!(
        (late.slot, late.handled),
        (None, Some(at("2026-11-23T06:00:00Z")))
    );
    assert_eq!(
        late.missed,
        Missed {
            count: 4,
            more: false
        }
    );
}

#[test]
fn years_of_missed_slots_cost_no_more_than_the_cap() {
    let schedule = schedule("* * * * *", "Europe/Berlin");
    let due = due(
        &schedule,
        at("2016-01-01T00:00:00Z"),
        at("2026-01-01T00:00:30Z"),
        TimeDelta::minutes(5),
    );
    assert_eq!(due.slot, Some(at("2026-01-01T00:00:00Z")));
    assert_eq!(
        due.missed,
        Missed {
            count: MISSED_CAP,
            more: true
        }
    );
}

#[test]
fn a_clock_that_was_years_ahead_does_not_stop_the_schedule() {
    let schedule = schedule("0 * * * *", "UTC");
    let due = due(
        &schedule,
        at("2036-11-23T06:00:00Z"),
        at("2026-11-23T06:10:00Z"),
        TimeDelta::hours(1),
    );
    assert_eq!(
        (due.slot, due.missed),
        (Some(at("2026-11-23T06:00:00Z")), Missed::default())
    );
}

#[test]
fn a_clock_at_its_ends_is_no_reason_to_panic() {
    let schedule = schedule("*/7 3 * * *", "Europe/Berlin");
    for time in [
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
        DateTime::UNIX_EPOCH,
        at("9999-12-31T23:59:59Z"),
    ] {
        let _ = (
            schedule.next_after(time),
            schedule.previous_or_at(time),
            schedule.expected_interval(time),
        );
        let _ = due(&schedule, DateTime::UNIX_EPOCH, time, TimeDelta::hours(1));
        let _ = due(&schedule, time, DateTime::UNIX_EPOCH, TimeDelta::MAX);
    }
}
