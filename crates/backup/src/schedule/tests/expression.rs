//! What an expression says, and what is refused.

use super::*;

fn refusal(text: &str) -> ScheduleError {
    Schedule::parse(text, None).unwrap_err()
}

/// The slots of a day or so, written in the schedule's own time zone.
fn walls(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
    let mut time = at(from);
    (0..count)
        .map(|_| {
            time = schedule.next_after(time).unwrap();
            time.with_timezone(&schedule.zone())
                .format("%dT%H:%M%:z")
                .to_string()
        })
        .collect()
}

#[test]
fn a_time_that_the_clock_skips_runs_once_right_after() {
    for text in ["30 2 * * *", "30 2,14 * * *", "0,30 2 * * *"] {
        let first = &walls(&schedule(text, "Europe/Berlin"), "2026-03-29T00:00:00Z", 2);
        assert_eq!(first[0], "29T03:00+02:00", "{text}");
        assert_ne!(first[1], "29T03:00+02:00", "{text}");
    }
}

#[test]
fn a_time_that_the_clock_repeats_runs_once() {
    let daily = schedule("30 2 * * *", "Europe/Berlin");
    assert_eq!(
        walls(&daily, "2026-10-24T12:00:00Z", 2),
        ["25T02:30+02:00", "26T02:30+01:00"]
    );
    let list = schedule("30 2,14 * * *", "Europe/Berlin");
    assert_eq!(
        walls(&list, "2026-10-24T20:00:00Z", 2),
        ["25T02:30+02:00", "25T14:30+01:00"]
    );
}

#[test]
fn an_hourly_schedule_runs_through_changes_of_the_clock_without_a_hole() {
    let hourly = schedule("30 * * * *", "Europe/Berlin");
    assert_eq!(
        walls(&hourly, "2026-10-24T23:45:00Z", 4),
        [
            "25T02:30+02:00",
            "25T02:30+01:00",
            "25T03:30+01:00",
            "25T04:30+01:00"
        ]
    );
    assert_eq!(
        walls(&hourly, "2026-03-28T23:45:00Z", 3),
        ["29T01:30+01:00", "29T03:30+02:00", "29T04:30+02:00"]
    );
}

#[test]
fn a_day_that_a_zone_skips_runs_once_when_the_next_begins() {
    let noon = schedule("0 12 * * *", "Pacific/Apia");
    assert_eq!(
        walls(&noon, "2011-12-29T12:00:00Z", 3),
        ["29T12:00-10:00", "31T00:00+14:00", "31T12:00+14:00"]
    );
}

#[test]
fn macros_are_the_schedules_they_stand_for() {
    for (name, fields) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * SUN"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@Annually", "0 0 1 1 *"),
    ] {
        let (one, two) = (schedule(name, "UTC"), schedule(fields, "UTC"));
        assert_eq!(
            walls(&one, "2026-02-27T10:00:00Z", 3),
            walls(&two, "2026-02-27T10:00:00Z", 3),
            "{name}"
        );
    }
}

#[test]
fn nonsense_is_refused_with_a_reason_that_names_the_field() {
    let field = |text: &str| match refusal(text) {
        ScheduleError::Field { field, .. } => field,
        other => panic!("{text}: {other}"),
    };
    assert_eq!(field("60 * * * *"), "minute");
    assert_eq!(field("*/0 * * * *"), "minute");
    assert_eq!(field("-1 * * * *"), "minute");
    assert_eq!(field("0 24 * * *"), "hour");
    assert_eq!(field("0 5-2 * * *"), "hour");
    assert_eq!(field("0 0 0 * *"), "day of month");
    assert_eq!(field("0 0 32 * *"), "day of month");
    assert_eq!(field("0 0 1 13 *"), "month");
    assert_eq!(field("0 0 1 FOO *"), "month");
    assert_eq!(field("0 0 * * 8"), "day of week");
    assert_eq!(field("0 0 ? * ?"), "day of month");
    assert_eq!(field("0 0 * * +1"), "day of week");
    assert_eq!(field("0 $(id) * * *"), "hour");
    assert_eq!(field("0 @daily * * *"), "hour");
    assert_eq!(
        refusal("60 * * * *").to_string(),
        "minute \"60\" is not understood: it holds numbers from 0 to 59, ranges, lists and steps, such as 0, */15 or 5,35"
    );
}

#[test]
fn what_is_not_five_fields_is_refused_with_their_number() {
    assert_eq!(refusal(""), ScheduleError::Empty);
    assert_eq!(refusal("  \n "), ScheduleError::Empty);
    assert_eq!(refusal("* * * *"), ScheduleError::FieldCount(4));
    assert_eq!(refusal("* * * * * *"), ScheduleError::FieldCount(6));
    assert_eq!(refusal("0 0 0 1 1 * 2026"), ScheduleError::FieldCount(7));
    assert_eq!(refusal("@every 0s"), ScheduleError::UnknownMacro);
    assert_eq!(refusal("@reboot"), ScheduleError::UnknownMacro);
    assert_eq!(refusal(&"* ".repeat(5_000)), ScheduleError::TooLong(256));
}

#[test]
fn a_schedule_that_never_comes_is_refused() {
    for text in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        assert_eq!(refusal(text), ScheduleError::Never, "{text}");
    }
    assert!(
        Schedule::parse("0 0 29 2 *", None).is_ok(),
        "a leap day does come"
    );
}

#[test]
fn an_unknown_time_zone_is_refused() {
    for zone in ["Mars/Olympus", "", "europe/berlin ", "+01:00", "../etc/passwd"] {
        assert!(
            matches!(
                Schedule::parse("@daily", Some(zone)),
                Err(ScheduleError::UnknownTimeZone(_))
            ),
            "{zone}"
        );
    }
}

#[test]
fn the_expected_interval_is_that_between_the_slots_around_a_time() {
    let weekdays = schedule("0 9 * * 1-5", "UTC");
    assert_eq!(
        weekdays.expected_interval(at("2026-11-23T09:00:00Z")),
        Some(TimeDelta::days(1))
    );
    assert_eq!(
        weekdays.expected_interval(at("2026-11-20T12:00:00Z")),
        Some(TimeDelta::days(3))
    );
}

#[test]
fn the_longest_interval_is_that_of_the_week() {
    for (expression, longest) in [
        ("0 9 * * 1-5", TimeDelta::days(3)),
        ("*/5 9-17 * * *", TimeDelta::minutes(15 * 60 + 5)),
        ("0 6 * * *", TimeDelta::days(1)),
        ("0 0 1 * *", TimeDelta::days(31)),
        ("* * * * *", TimeDelta::minutes(1)),
    ] {
        let schedule = schedule(expression, "UTC");
        for time in ["2026-11-24T09:00:00Z", "2026-11-27T13:17:30Z"] {
            let found = schedule.longest_interval(at(time)).unwrap();
            assert_eq!(found, longest, "{expression} at {time}");
        }
    }
}

#[test]
fn jitter_is_stable_for_a_uid_bounded_and_spread() {
    let max = TimeDelta::minutes(5);
    assert_eq!(jitter("0b0f3c1e", max), jitter("0b0f3c1e", max));
    let all: std::collections::BTreeSet<_> = (0..200).map(|n| jitter(&format!("uid-{n}"), max)).collect();
    assert!(all.len() > 80, "{}", all.len());
    assert!(
        all.iter()
            .all(|jitter| (TimeDelta::zero()..=max).contains(jitter))
    );
    assert_eq!(jitter("x", TimeDelta::zero()), TimeDelta::zero());
    assert_eq!(jitter("x", TimeDelta::hours(-1)), TimeDelta::zero());
    assert!(jitter("x", TimeDelta::MAX) >= TimeDelta::zero());
}
