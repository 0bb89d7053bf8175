//! When a drill begins.

use super::*;

#[test]
fn a_plan_that_does_not_drill_says_nothing_and_does_nothing() {
    let decision = look(&plan(json!({})), &holding("a"), "07:00:00");
    assert_eq!(decision, Decision::default());
}

#[test]
fn without_a_schedule_each_success_is_drilled_once() {
    let plan = drilling(&json!({}));
    let first = look(&plan, &empty(), "07:00:00");
    assert_eq!(
        (begun(&first), verdict(&first)),
        (None, (Truth::Unknown, "NoDrillYet"))
    );
    let first = look(&plan, &holding("a"), "07:00:00");
    assert_eq!(begun(&first), Some("a"));
    assert_eq!(running(&first).unwrap().snapshot, "prod-a");

    let (done, decision) = ended(&plan, "a", "07:00:00", Ok(drilled()));
    assert_eq!(verdict(&decision), (Truth::True, "Succeeded"));
    assert_eq!(begun(&look(&done, &holding("a"), "08:00:00")), None);
    assert_eq!(begun(&look(&done, &holding("b"), "08:00:00")), Some("b"));
}

#[test]
fn nothing_begins_before_the_store_has_answered_for_this_specification() {
    let unsettled = Observed {
        settled: false,
        ..holding("a")
    };
    assert_eq!(begun(&look(&drilling(&json!({})), &unsettled, "07:00:00")), None);
}

#[test]
fn successes_during_a_drill_are_one_drill_afterwards_of_the_newest() {
    let plan = drilling(&json!({}));
    let began = after(&plan, &look(&plan, &holding("a"), "07:00:00"));
    for newer in ["b", "c"] {
        let decision = look(&began, &holding(newer), "07:00:01");
        assert_eq!(running(&decision).unwrap().source.run_id, "a");
        assert!(decision.notes.is_empty());
    }
    let (done, _) = ended(&plan, "a", "07:00:00", Ok(drilled()));
    assert_eq!(begun(&look(&done, &holding("c"), "07:02:00")), Some("c"));
}

#[test]
fn the_same_snapshot_drilled_again_gets_another_job() {
    let plan = drilling(&json!({}));
    let names = [at("07:00:00"), at("08:00:00")].map(|start| job_name(&plan, "a", start));
    assert_ne!(names[0], names[1]);
    assert_eq!(names[0], job_name(&plan, "a", at("07:00:00")));
    let long = drilling(&json!({}));
    let long = EtcdBackup {
        metadata: kube::api::ObjectMeta {
            name: Some("p".repeat(47)),
            ..long.metadata.clone()
        },
        ..long
    };
    assert!(job_name(&long, "a", at("07:00:00")).len() <= 63);
}

#[test]
fn a_schedule_of_drills_decides_alone() {
    let plan = drilling(&json!({"drill": {"schedule": "0 8 * * *"}}));
    let first = look(&plan, &holding("a"), "07:00:00");
    assert_eq!(begun(&first), None);
    assert_eq!(first.status.as_ref().unwrap().next, Some(at("08:00:00")));
    assert_eq!(first.again, Some(at("08:00:00")));
    let plan = after(&plan, &first);
    assert_eq!(
        look(&plan, &holding("b"), "07:59:59").status,
        first.status,
        "nothing to write"
    );
    let due = look(&plan, &holding("b"), "08:00:00");
    assert_eq!(begun(&due), Some("b"));
    // The same snapshot again, a day later: what is stored may have rotted.
    let (done, _) = ended(&plan, "b", "08:00:00", Ok(drilled()));
    let day = decide(
        &done,
        Timing::of(&done).ok().as_ref(),
        &holding("b"),
        on("2026-11-24", "08:00:10"),
    );
    assert_eq!(begun(&day), Some("b"));
    let again = after(&done, &day);
    let again = decide(
        &again,
        Timing::of(&again).ok().as_ref(),
        &says(&holding("b"), "08:00:00", Ok(drilled())),
        on("2026-11-24", "08:01:00"),
    );
    assert_eq!(begun(&again), None);
}

#[test]
fn a_slot_waits_for_a_snapshot_as_long_as_it_may_be_made_up_for() {
    let plan = drilling(&json!({"drill": {"schedule": "0 8 * * *"}}));
    let plan = after(&plan, &look(&plan, &empty(), "07:00:00"));
    let waiting = look(&plan, &empty(), "08:00:00");
    assert_eq!(begun(&waiting), None);
    let plan = after(&plan, &waiting);
    assert_eq!(begun(&look(&plan, &holding("a"), "08:59:00")), Some("a"));
    let late = look(&plan, &empty(), "09:00:01");
    assert_eq!(late.status.as_ref().unwrap().last_slot, Some(at("08:00:00")));
    assert_eq!(
        begun(&look(&after(&plan, &late), &holding("a"), "09:00:02")),
        None
    );
}

#[test]
fn a_suspended_plan_drills_only_when_asked() {
    for drill in [json!({}), json!({"schedule": "0 8 * * *"})] {
        let mut plan = drilling(&json!({"suspend": true, "drill": drill}));
        let decision = look(&plan, &holding("a"), "08:00:00");
        assert_eq!((begun(&decision), decision.again), (None, None));
        plan.metadata.annotations =
            Some([(etcd_backup_api::labels::DRILL_NOW.to_owned(), "please".to_owned())].into());
        assert_eq!(begun(&look(&plan, &holding("a"), "08:00:00")), Some("a"));
    }
}

#[test]
fn one_drill_for_each_value_of_the_annotation() {
    let (mut plan, _) = ended(&drilling(&json!({})), "a", "07:00:00", Ok(drilled()));
    let ask = |plan: &mut EtcdBackup, token: &str| {
        plan.metadata.annotations =
            Some([(etcd_backup_api::labels::DRILL_NOW.to_owned(), token.to_owned())].into());
    };
    ask(&mut plan, "once");
    assert_eq!(
        begun(&look(&plan, &empty(), "08:00:00")),
        None,
        "there is nothing to restore"
    );
    let (mut done, _) = ended(&plan, "a", "08:00:00", Ok(drilled()));
    assert_eq!(begun(&look(&done, &holding("a"), "08:05:00")), None);
    ask(&mut done, "twice");
    assert_eq!(begun(&look(&done, &holding("a"), "08:05:00")), Some("a"));
    ask(&mut done, &"ü".repeat(3000));
    let (done, _) = ended(&done, "a", "08:05:00", Ok(drilled()));
    assert_eq!(
        begun(&look(&done, &holding("a"), "08:10:00")),
        None,
        "remembered as far as the status goes"
    );
}

#[test]
fn what_cannot_be_drilled_says_why_and_nothing_begins() {
    let age =
        json!({"age": {"recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]}});
    let local = json!({"local": {"path": "/backups"}});
    let encrypted = Observed {
        newest: Some(Newest {
            snapshot: "prod-a".to_owned(),
            source: PinnedSource {
                encrypted: true,
                ..source("a")
            },
        }),
        ..holding("a")
    };
    let disabled = Observed {
        enabled: false,
        ..holding("a")
    };
    for (changes, observed, reason) in [
        (json!({}), &disabled, "DrillsDisabled"),
        (
            json!({"drill": {"schedule": "0 0 31 2 *"}}),
            &holding("a"),
            "InvalidSchedule",
        ),
        (json!({"encryption": age}), &empty(), "IdentityNeeded"),
        (json!({}), &encrypted, "IdentityNeeded"),
        (json!({"storage": local}), &holding("a"), "LocalStoreNotMounted"),
    ] {
        let decision = look(&drilling(&changes), observed, "07:00:00");
        assert_eq!(verdict(&decision), (Truth::False, reason));
        assert_eq!(
            (begun(&decision), decision.work, decision.again),
            (None, None, None),
            "{reason}"
        );
    }
    let with = json!({"encryption": age, "drill": {"decryption": {"secretName": "identity"}}});
    assert_eq!(begun(&look(&drilling(&with), &encrypted, "07:00:00")), Some("a"));
    let with = json!({"storage": local, "drill": {"job": {"localStore": {"claimName": "backups"}}}});
    assert_eq!(
        begun(&look(&drilling(&with), &holding("a"), "07:00:00")),
        Some("a")
    );
}
