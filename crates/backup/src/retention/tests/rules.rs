//! What each rule of a policy keeps.

use super::*;

#[test]
fn without_a_policy_everything_is_kept() {
    let plan = plan(
        &Policy::default(),
        &daily(10, "2026-11-23T06:00:00Z"),
        &context("2026-11-23T07:00:00Z"),
    );
    assert_eq!((plan.keep.len(), plan.remove.len(), plan.hold), (10, 0, None));
    assert_eq!(plan.keep[3].reasons, [KeepReason::NoRule]);
}

#[test]
fn keep_last_keeps_the_newest_whatever_order_they_come_in() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    backups.reverse();
    let policy = Policy {
        keep_last: Some(2),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(kept(&plan), [backups[4].id, backups[3].id]);
    assert_eq!(plan.keep[0].reasons, [KeepReason::Newest, KeepReason::Last]);
    assert!(
        plan.remove
            .iter()
            .all(|removal| removal.why == RemoveReason::NoRuleNamesIt)
    );
}

#[test]
fn days_begin_where_the_plan_lives() {
    let times = [
        "2026-11-23T23:30:00Z",
        "2026-11-23T22:30:00Z",
        "2026-11-23T00:30:00Z",
    ];
    let backups: Vec<_> = times.iter().map(|time| backup(at(time), 0)).collect();
    let policy = Policy {
        keep_daily: Some(9),
        ..Policy::default()
    };
    let utc = plan(&policy, &backups, &context("2026-11-24T07:00:00Z"));
    assert_eq!(kept(&utc), [backups[0].id], "all on 23 November in UTC");
    let berlin = Context {
        zone: Tz::Europe__Berlin,
        ..context("2026-11-24T07:00:00Z")
    };
    let berlin = plan(&policy, &backups, &berlin);
    assert_eq!(
        kept(&berlin),
        [backups[0].id, backups[1].id],
        "the first is already 24 November in Berlin"
    );
    assert_eq!(berlin.keep[0].reasons[1].to_string(), "keepDaily (2026-11-24)");
}

#[test]
fn the_hour_that_the_clock_repeats_is_two_hours() {
    let backups = [
        backup(at("2026-10-25T01:30:00Z"), 0),
        backup(at("2026-10-25T00:30:00Z"), 0),
    ];
    let policy = Policy {
        keep_hourly: Some(2),
        ..Policy::default()
    };
    let berlin = Context {
        zone: Tz::Europe__Berlin,
        ..context("2026-10-26T00:00:00Z")
    };
    assert_eq!(plan(&policy, &backups, &berlin).keep.len(), 2);
}

#[test]
fn a_week_is_an_iso_week_even_across_new_year() {
    let backups = [
        backup(at("2027-01-03T12:00:00Z"), 0),
        backup(at("2026-12-28T12:00:00Z"), 0),
        backup(at("2026-12-27T12:00:00Z"), 0),
    ];
    let policy = Policy {
        keep_weekly: Some(5),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2027-01-04T00:00:00Z"));
    assert_eq!(kept(&plan), [backups[0].id, backups[2].id]);
    assert_eq!(plan.keep[0].reasons[1], KeepReason::Weekly("2026-W53".into()));
}

#[test]
fn periods_without_a_backup_do_not_count() {
    let backups = [
        backup(at("2026-11-23T06:00:00Z"), 0),
        backup(at("2026-11-13T06:00:00Z"), 0),
        backup(at("2026-11-03T06:00:00Z"), 0),
    ];
    let policy = Policy {
        keep_daily: Some(2),
        ..Policy::default()
    };
    assert_eq!(
        kept(&plan(&policy, &backups, &context("2026-11-23T07:00:00Z"))),
        [backups[0].id, backups[1].id]
    );
}

#[test]
fn nothing_older_than_the_greatest_age_is_kept_by_a_rule() {
    let backups = daily(10, "2026-11-23T06:00:00Z");
    let policy = Policy {
        keep_last: Some(9),
        max_age: Some(days(3)),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(plan.keep.len(), 4);
    assert_eq!(
        plan.remove[0].why.to_string(),
        "4d older than the newest backup; maxAge is 3d"
    );
}
