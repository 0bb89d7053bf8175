//! Clocks that leap ahead, against plans that were down for as long.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    properties::{any_policy, named, removed},
    *,
};

fn policy(keep_last: Option<u32>, keep_daily: Option<u32>) -> Policy {
    Policy {
        keep_last,
        keep_daily,
        max_age: Some(days(7)),
        ..Policy::default()
    }
}

/// A plan whose retention runs after every success, as the operator's does.
struct Life {
    policy: Policy,
    interval: TimeDelta,
    time: DateTime<Utc>,
    taken: u8,
    backups: Vec<Candidate>,
    hold: Option<Hold>,
}

impl Life {
    fn new(policy: Policy, interval: TimeDelta) -> Self {
        Self {
            policy,
            interval,
            time: at("2026-01-05T06:00:00Z"),
            taken: 0,
            backups: Vec::new(),
            hold: None,
        }
    }

    /// A backup so long after the last slot. Answers what goes.
    fn backup(&mut self, after: TimeDelta, late: TimeDelta) -> BTreeSet<RunId> {
        self.time += after;
        self.taken = (self.taken + 1) % 30;
        self.backups
            .insert(0, super::backup(self.time + late, self.taken));
        let context = Context {
            generation: GENERATION,
            now: self.time + late + TimeDelta::minutes(1),
            zone: Tz::Europe__Berlin,
            interval: Some(self.interval),
        };
        let plan = plan(&self.policy, &self.backups, &context);
        self.hold = plan.hold;
        let gone = removed(&plan);
        self.backups.retain(|candidate| !gone.contains(&candidate.id));
        gone
    }

    fn slots(&mut self, count: u32) -> BTreeSet<RunId> {
        (0..count)
            .flat_map(|_| self.backup(self.interval, TimeDelta::zero()))
            .collect()
    }

    fn ids(&self) -> BTreeSet<RunId> {
        self.backups.iter().map(|candidate| candidate.id).collect()
    }
}

#[test]
fn a_clock_that_is_ten_years_ahead_and_stays_so_removes_nothing_before_three_more_backups_confirm_it() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    let policy = Policy {
        max_age: Some(days(10)),
        ..policy(Some(9), None)
    };
    // The clock leaps while waiting: no new backup, so nothing is older than before.
    let waiting = plan(&policy, &backups, &context("2036-11-23T06:00:00Z"));
    assert_eq!((waiting.remove, waiting.hold), (vec![], None));
    for day in 23..26 {
        backups.insert(0, backup(at(&format!("2036-11-{day}T06:00:00Z")), 0));
        let leapt = plan(&policy, &backups, &context(&format!("2036-11-{day}T06:10:00Z")));
        assert_eq!((leapt.remove.len(), leapt.held.len()), (0, 5), "on {day}");
        let hold = leapt.hold.unwrap();
        assert_eq!(hold.reason(), "ClockLeap");
        for part in ["2036-11-23T06:00:00Z", "3653d", "set it right"] {
            assert!(hold.to_string().contains(part), "{hold}");
        }
    }
    backups.insert(0, backup(at("2036-11-26T06:00:00Z"), 0));
    let confirmed = plan(&policy, &backups, &context("2036-11-26T06:10:00Z"));
    assert_eq!((confirmed.remove.len(), confirmed.hold), (5, None));
}

#[test]
fn a_burst_of_backups_confirms_no_clock() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    for minute in 0..20 {
        backups.push(backup(at("2026-12-13T06:00:00Z") + TimeDelta::minutes(minute), 1));
    }
    let plan = plan(&policy(None, None), &backups, &context("2026-12-13T07:00:00Z"));
    assert_eq!((plan.remove.len(), plan.held.len()), (0, 5));
}

#[test]
fn what_goes_whatever_the_clock_says_goes_during_a_leap_too() {
    let mut backups = daily(12, "2026-11-23T06:00:00Z");
    backups.insert(0, backup(at("2026-12-13T06:00:00Z"), 0));
    let plan = plan(&policy(None, None), &backups, &context("2026-12-13T07:00:00Z"));
    // Two and a half days after the one before it, so much is believed at once, four of the twelve are older than a week.
    assert_eq!((plan.remove.len(), plan.held.len()), (7, 5));
}

#[test]
fn a_plan_without_a_schedule_is_judged_by_what_it_did_before() {
    let without = |now| Context {
        interval: None,
        ..context(now)
    };
    let monthly: Vec<_> = ["2026-11-01", "2026-10-01", "2026-09-01", "2026-08-01"]
        .iter()
        .map(|day| backup(at(&format!("{day}T06:00:00Z")), 0))
        .collect();
    let policy = policy(None, None);
    assert_eq!(
        plan(&policy, &monthly, &without("2026-11-02T00:00:00Z"))
            .remove
            .len(),
        3
    );
    // There is nothing to judge by yet, and a clock that leaps so little costs little.
    let two = ["2026-11-01T07:00:00Z", "2026-11-01T06:00:00Z"].map(|time| backup(at(time), 0));
    let minute = Policy {
        max_age: Some(Duration::from_mins(1)),
        ..policy
    };
    let pruned = plan(&minute, &two, &without("2026-11-01T07:00:01Z"));
    assert_eq!((pruned.remove.len(), pruned.hold), (1, None));
    let mut hourly: Vec<_> = (0..9)
        .map(|n| backup(at("2026-11-01T06:00:00Z") - TimeDelta::hours(n), 0))
        .collect();
    hourly.push(backup(at("2026-11-11T06:00:00Z"), 0));
    let leapt = plan(&policy, &hourly, &without("2026-11-12T00:00:00Z"));
    assert_eq!((leapt.remove.len(), leapt.held.len()), (0, 9));
}

#[test]
fn a_clock_that_is_wrong_by_days_and_stays_so_costs_nothing_for_a_day_and_three_slots() {
    for (policy, hours) in [
        (policy(None, None), 1),
        (policy(Some(5), Some(7)), 1),
        (policy(Some(30), Some(7)), 6),
        (policy(None, Some(7)), 24),
        (policy(Some(40), None), 1),
        (
            Policy {
                keep_hourly: Some(24),
                ..policy(Some(3), Some(7))
            },
            1,
        ),
    ] {
        let interval = TimeDelta::hours(hours);
        for leap in [4, 7, 10, 20, 30, 400].map(TimeDelta::days) {
            let mut life = Life::new(policy, interval);
            life.slots(300);
            let (before, newest) = (life.ids(), life.time);
            // Whatever a clock does that goes on rightly for as long.
            let mut right = Life {
                backups: life.backups.clone(),
                ..Life::new(policy, interval)
            };
            right.time = newest;
            let slots = u32::try_from((24 / hours).max(3)).unwrap();
            right.slots(slots + 2);
            let due: BTreeSet<_> = before.difference(&right.ids()).copied().collect();
            let mut gone = life.backup(leap, TimeDelta::zero());
            if leap > TimeDelta::days(7) {
                assert_eq!(
                    life.hold.map(|hold| hold.reason()),
                    Some("ClockLeap"),
                    "{policy:?} {leap}"
                );
            }
            gone.extend(life.slots(slots - 1));
            let early: Vec<_> = gone
                .intersection(&before)
                .filter(|id| !due.contains(id))
                .collect();
            assert!(early.is_empty(), "{policy:?}, {leap} ahead: {early:?} went");
        }
    }
}

#[test]
fn a_plan_that_was_down_for_two_weeks_goes_on_after_a_few_slots() {
    for (policy, hours) in [
        (policy(None, None), 1),
        (policy(Some(5), Some(7)), 1),
        (policy(None, None), 24),
        (policy(None, Some(7)), 24),
    ] {
        let mut life = Life::new(policy, TimeDelta::hours(hours));
        life.slots(300);
        let outage = life.time + TimeDelta::days(14);
        life.backup(TimeDelta::days(14), TimeDelta::zero());
        let slots = u32::try_from(72 / hours).unwrap();
        life.slots(slots);
        assert_eq!(life.hold, None, "{policy:?}");
        assert!(
            life.backups.iter().all(|candidate| candidate.time >= outage),
            "{policy:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_newest_backup_whose_time_leaps_by_any_amount_costs_none_that_was_not_due(
        policy in any_policy(), hours in prop::sample::select(vec![1_i64, 6, 24, 168]), count in 2_i64..60, late in prop::collection::vec(0_i64..600, 60),
        leap in prop_oneof![60_i64..90_000, 90_000_i64..3_000_000, 3_000_000_i64..4_000_000_000],
    ) {
        let interval = TimeDelta::hours(hours);
        let newest = at("2026-11-23T06:00:00Z");
        let late: Vec<_> = late.into_iter().map(TimeDelta::seconds).collect();
        let older: Vec<_> = (1..=count).zip(&late).map(|(n, late)| backup(newest - interval * i32::try_from(n).unwrap() + *late, 0)).collect();
        let with = |time: DateTime<Utc>| {
            let mut backups = older.clone();
            backups.push(backup(time, 7));
            let context = Context { generation: GENERATION, now: time, zone: Tz::UTC, interval: Some(interval) };
            plan(&policy, &backups, &context)
        };
        let before = older[0].time;
        let leapt = newest + TimeDelta::seconds(leap);
        let believed = leapt.min(before + interval * 5 / 2);
        let due = with(believed);
        prop_assert_eq!(due.hold, None);
        let gone = removed(&with(leapt));
        prop_assert!(gone.is_subset(&named(&due)), "{:?} went by a leap of {leap} s", gone.difference(&named(&due)).collect::<Vec<_>>());
    }

    #[test]
    fn a_plan_that_runs_by_its_schedule_is_never_held(
        policy in any_policy(), hours in prop::sample::select(vec![1_i64, 6, 24, 168]),
        slots in prop::collection::vec((prop::bool::weighted(0.1), 0_i64..600), 150),
    ) {
        let interval = TimeDelta::hours(hours);
        let mut life = Life::new(policy, interval);
        let mut missed = false;
        for (misses, late) in slots {
            // Never two at once.
            missed = misses && !missed;
            let after = if missed { interval * 2 } else { interval };
            life.backup(after, TimeDelta::seconds(late));
            prop_assert_eq!(life.hold, None);
        }
    }
}
