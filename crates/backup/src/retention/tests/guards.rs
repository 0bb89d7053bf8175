//! What stays whatever the rules say, and when nothing is removed.

use super::*;

#[test]
fn a_month_of_failures_with_a_greatest_age_of_a_week_removes_nothing() {
    // No new verified backup for thirty days: the failed attempts neither age nor protect what is there.
    let mut backups = daily(5, "2026-10-24T06:00:00Z");
    backups.extend((0..30).map(|n| Candidate {
        standing: Standing::Unverified,
        ..backup(at("2026-11-23T06:00:00Z") - TimeDelta::days(n), 1)
    }));
    let policy = Policy {
        max_age: Some(days(7)),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(
        (plan.keep.len(), plan.remove.len(), plan.ignored.len()),
        (5, 0, 30)
    );
}

#[test]
fn a_pinned_backup_and_one_that_a_restore_reads_stay_whatever_the_policy_says() {
    let mut backups = daily(6, "2026-11-23T06:00:00Z");
    backups[3].pinned = true;
    backups[5].in_use = true;
    let policy = Policy {
        keep_last: Some(1),
        max_age: Some(days(1)),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(kept(&plan), [backups[0].id, backups[3].id, backups[5].id]);
    assert_eq!(plan.keep[1].reasons, [KeepReason::Pinned]);
    assert_eq!(plan.keep[2].reasons, [KeepReason::InUse]);
}

#[test]
fn an_older_verified_backup_stays_until_a_newer_one_is_verified() {
    let mut backups = daily(4, "2026-11-23T06:00:00Z");
    for newer in &mut backups[..3] {
        newer.standing = Standing::Unverified;
    }
    let policy = Policy {
        keep_last: Some(1),
        max_age: Some(days(1)),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!((kept(&plan), plan.remove.len()), (vec![backups[3].id], 0));
    assert!(
        plan.ignored
            .iter()
            .all(|ignored| ignored.why == IgnoreReason::Unverified)
    );
}

#[test]
fn another_generation_and_another_plan_are_never_touched() {
    let mut backups = daily(6, "2026-11-23T06:00:00Z");
    backups[2].generation = ClusterId(7);
    backups[4].standing = Standing::Foreign;
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(
        plan.remove.iter().map(|removal| removal.id).collect::<Vec<_>>(),
        [backups[1].id, backups[3].id, backups[5].id]
    );
    assert_eq!(plan.ignored[0].why, IgnoreReason::OtherGeneration(ClusterId(7)));
    assert_eq!(plan.ignored[1].why, IgnoreReason::Foreign);
}

#[test]
fn a_clock_behind_the_newest_backup_removes_nothing_and_shows_what_would_go() {
    let backups = daily(5, "2026-11-23T06:00:00Z");
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    for now in ["2026-11-23T05:59:59Z", "1970-01-01T00:00:00Z"] {
        let plan = plan(&policy, &backups, &context(now));
        assert_eq!((plan.remove.len(), plan.held.len()), (0, 4));
        assert_eq!(plan.hold.unwrap().reason(), "ClockBehind");
    }
}

#[test]
fn a_yearly_schedule_is_no_leap_of_the_clock() {
    let backups: Vec<_> = (0..5)
        .map(|n| backup(at("2026-01-01T00:00:00Z") - TimeDelta::days(365 * n), 0))
        .collect();
    let yearly = Context {
        interval: Some(TimeDelta::days(365)),
        ..context("2026-01-01T01:00:00Z")
    };
    let policy = Policy {
        keep_last: Some(2),
        ..Policy::default()
    };
    assert_eq!(plan(&policy, &backups, &yearly).remove.len(), 3);
}

#[test]
fn a_drastically_smaller_snapshot_removes_nothing_until_a_second_one_confirms_it() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    backups[0].size = 400_000;
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    let shrunk = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(
        (shrunk.remove.len(), shrunk.hold),
        (
            0,
            Some(Hold::Shrunk {
                from: 1_000_000,
                to: 400_000
            })
        )
    );
    backups.insert(
        0,
        Candidate {
            size: 400_000,
            ..backup(at("2026-11-24T06:00:00Z"), 0)
        },
    );
    assert_eq!(
        plan(&policy, &backups, &context("2026-11-24T07:00:00Z"))
            .remove
            .len(),
        5
    );
}

#[test]
fn a_revision_that_went_back_removes_nothing_and_order_stays_by_time() {
    let mut backups = daily(3, "2026-11-23T06:00:00Z");
    backups[0].revision = 5;
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(plan.hold.unwrap().reason(), "RevisionWentBack");
    assert_eq!(
        kept(&plan),
        [backups[0].id],
        "the newest by time, although its revision is the lowest"
    );
}

#[test]
fn a_policy_of_zeros_is_refused_and_removes_nothing_when_forced() {
    let zero = Some(0);
    for policy in [
        Policy {
            keep_last: zero,
            ..Policy::default()
        },
        Policy {
            keep_yearly: zero,
            keep_last: Some(3),
            ..Policy::default()
        },
        Policy {
            max_age: Some(Duration::ZERO),
            ..Policy::default()
        },
    ] {
        assert!(policy.validate().is_err());
        let plan = plan(
            &policy,
            &daily(5, "2026-11-23T06:00:00Z"),
            &context("2026-11-23T07:00:00Z"),
        );
        assert_eq!(
            (plan.remove.len(), plan.hold.unwrap().reason()),
            (0, "InvalidPolicy")
        );
    }
    let huge = Policy {
        keep_last: Some(u32::MAX),
        keep_hourly: Some(u32::MAX),
        max_age: Some(Duration::MAX),
        ..Policy::default()
    };
    assert_eq!(
        plan(
            &huge,
            &daily(5, "2026-11-23T06:00:00Z"),
            &context("2026-11-23T07:00:00Z")
        )
        .keep
        .len(),
        5
    );
}

#[test]
fn no_backups_are_no_problem() {
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    assert_eq!(
        plan(&policy, &[], &context("2026-11-23T07:00:00Z")),
        RetentionPlan::default()
    );
}

#[test]
fn a_lock_keeps_what_no_rule_names_until_it_has_ended() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    backups[2].lock = Some(Lock::Until(at("2026-11-23T06:00:00Z")));
    backups[3].lock = Some(Lock::Until(at("2026-11-23T06:00:01Z")));
    backups[4].lock = Some(Lock::Held);
    let policy = Policy {
        keep_last: Some(1),
        max_age: Some(days(1)),
        ..Policy::default()
    };
    let plan = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(kept(&plan), [backups[0].id, backups[3].id, backups[4].id]);
    let why: Vec<_> = plan.keep[1..]
        .iter()
        .map(|kept| kept.only_locked().unwrap())
        .collect();
    assert_eq!(why, [backups[3].lock.unwrap(), Lock::Held]);
    assert_eq!(
        plan.keep[1].reasons[0].to_string(),
        "locked until 2026-11-23T06:00:01Z"
    );
}

#[test]
fn degraded_backups_displace_none_that_is_sound() {
    let mut backups = daily(8, "2026-11-23T06:00:00Z");
    for degraded in &mut backups[..4] {
        degraded.degraded = true;
    }
    let policy = Policy {
        keep_last: Some(2),
        max_age: Some(days(3)),
        ..Policy::default()
    };
    let quorumless = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    assert_eq!(
        kept(&quorumless),
        [backups[0].id, backups[1].id, backups[4].id, backups[5].id],
        "two of each, whatever the age that degraded ones make"
    );
    assert_eq!(quorumless.keep[2].reasons, [KeepReason::Undegraded]);
    assert_eq!(quorumless.hold, None);
    // The quorum is back: sound ones take the place of both.
    backups.splice(
        0..0,
        [
            backup(at("2026-11-25T06:00:00Z"), 0),
            backup(at("2026-11-24T06:00:00Z"), 0),
        ],
    );
    let sound = plan(&policy, &backups, &context("2026-11-25T07:00:00Z"));
    assert_eq!(kept(&sound), [backups[0].id, backups[1].id]);
}

#[test]
fn while_etcd_has_the_alarm_corrupt_nothing_is_removed() {
    let mut backups = daily(5, "2026-11-23T06:00:00Z");
    backups[0].suspect = true;
    let policy = Policy {
        keep_last: Some(1),
        ..Policy::default()
    };
    let corrupt = plan(&policy, &backups, &context("2026-11-23T07:00:00Z"));
    let hold = corrupt.hold.unwrap();
    assert_eq!(
        (corrupt.remove.len(), corrupt.held.len(), hold.reason()),
        (0, 4, "CorruptAlarm")
    );
    assert!(hold.to_string().contains("etcdctl alarm list"), "{hold}");
    backups.insert(0, backup(at("2026-11-24T06:00:00Z"), 0));
    let sound = plan(&policy, &backups, &context("2026-11-24T07:00:00Z"));
    assert_eq!((sound.remove.len(), sound.hold), (5, None));
}
