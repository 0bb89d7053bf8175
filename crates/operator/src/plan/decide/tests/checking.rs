//! What is said of a specification that has not been looked at yet. Whoever waits for a condition of the generation that he wrote
//! must not be answered about the one before.

use etcd_backup_api::conditions::find;
use serde_json::json;

use super::*;
use crate::events::reason as event;

/// A plan whose snapshots are fine, as its status says.
fn settled() -> EtcdBackup {
    seen(plan(json!({})), &healthy(), at("05:01:00"))
}

fn edited(mut plan: EtcdBackup) -> EtcdBackup {
    plan.metadata.generation = plan.metadata.generation.map(|generation| generation + 1);
    plan
}

fn unlooked() -> Observed {
    Observed {
        store: None,
        etcd: None,
        ..healthy()
    }
}

/// The truth of a condition, and which generation it speaks of.
fn of(decision: &Decision, kind: &str) -> (String, Option<i64>) {
    let condition = find(&decision.status.conditions, kind).unwrap();
    (condition.status.clone(), condition.observed_generation)
}

#[test]
fn nothing_is_said_of_a_store_or_an_etcd_that_nobody_has_looked_at() {
    let known = || healthy().store;
    let looked = || Some(Ok(()));
    let fine = ["True"; 4];
    // Whether the plan was edited; what is known; Accepted, StoreReachable, Fresh, Ready; and of which generation.
    let table = [
        ("a restart", false, None, None, fine, 1),
        ("an edit of the store", true, None, None, ["Unknown"; 4], 2),
        (
            "an edit of the etcd",
            true,
            known(),
            None,
            ["Unknown", "True", "True", "Unknown"],
            2,
        ),
        ("an edit of anything else", true, known(), looked(), fine, 2),
    ];
    for (case, is_edited, store, etcd, said, generation) in table {
        let plan = if is_edited { edited(settled()) } else { settled() };
        let observed = Observed {
            store,
            etcd,
            ..healthy()
        };
        let decision = decide(&plan, &observed, at("05:02:00"));
        let kinds = ["Accepted", "StoreReachable", "Fresh", "Ready"];
        for (kind, truth) in kinds.into_iter().zip(said) {
            let expected = (truth.to_owned(), Some(generation));
            assert_eq!(of(&decision, kind), expected, "{case}: {kind}");
            let reason = says(&decision, kind).1;
            assert_eq!(reason == "Checking", truth == "Unknown", "{case}: {kind}");
        }
        assert_eq!(decision.status.observed_generation, Some(generation), "{case}");
        assert_eq!(told(&decision), [""; 0], "{case}");
        assert_eq!(is_quiet(&decision, &plan), !is_edited, "{case}");
        // However often it is looked at, and by whomever, until there is an answer.
        let plan = after(plan, &decision);
        assert!(
            is_quiet(&decide(&plan, &observed, at("05:03:00")), &plan),
            "{case}"
        );
    }
}

#[test]
fn a_new_plan_is_not_ready_before_its_store_has_answered() {
    let plan = plan(json!({"metadata": {"creationTimestamp": "2026-11-23T05:00:00Z"}}));
    let unlooked = Observed {
        snapshots: vec![],
        ..unlooked()
    };
    let decision = decide(&plan, &unlooked, at("05:01:00"));
    for kind in ["Accepted", "StoreReachable", "Ready"] {
        assert_eq!(says(&decision, kind), pair("Unknown", "Checking"), "{kind}");
    }
    assert_eq!(says(&decision, "Fresh"), pair("Unknown", "NoRunYet"));
    let decision = decide(&after(plan, &decision), &observed(), at("05:01:01"));
    assert_eq!(says(&decision, "Ready"), pair("True", "NoRunYet"));
}

#[test]
fn the_first_answer_after_an_edit_is_told_once() {
    let plan = edited(settled());
    let plan = after(plan.clone(), &decide(&plan, &unlooked(), at("05:02:00")));
    let mut refused = healthy();
    refused.store.as_mut().unwrap().holds = Err(Trouble {
        reason: "NoSuchBucket".to_owned(),
        message: "there is no bucket of that name".to_owned(),
    });
    let decision = decide(&plan, &refused, at("05:02:05"));
    for kind in ["StoreReachable", "Ready"] {
        assert_eq!(says(&decision, kind), pair("False", "NoSuchBucket"), "{kind}");
    }
    assert_eq!(told(&decision), [event::STORE_UNREACHABLE]);
    let plan = after(plan, &decision);
    assert!(is_quiet(&decide(&plan, &refused, at("05:02:06")), &plan));
}

#[test]
fn what_needs_no_look_is_said_at_once() {
    let mut plan = edited(settled());
    plan.spec.schedule = Some("0 0 31 2 *".to_owned());
    let decision = decide(&plan, &unlooked(), at("05:02:00"));
    for kind in ["Accepted", "Ready"] {
        assert_eq!(says(&decision, kind), pair("False", "InvalidSchedule"), "{kind}");
    }
    // That backups are overdue is heard whatever the store may yet say.
    let decision = decide(&edited(settled()), &unlooked(), at("07:00:02"));
    for kind in ["Fresh", "Ready"] {
        assert_eq!(says(&decision, kind), pair("False", "Overdue"), "{kind}");
    }
}

#[test]
fn retention_by_another_policy_says_nothing_of_the_one_that_the_plan_has_now() {
    let pruned = |superseded| {
        let mut observed = healthy();
        observed.store.as_mut().unwrap().retention = Some(Ok(Pruning {
            at: at("05:00:00"),
            kept: 1,
            superseded,
            ..Pruning::default()
        }));
        observed
    };
    let keeping = plan(json!({"spec": {"retention": {"keepLast": 2}}}));
    let plan = edited(seen(keeping, &pruned(false), at("05:01:00")));
    let kind = "RetentionSucceeded";
    for (superseded, generation) in [(false, 2), (true, 1)] {
        let decision = decide(&plan, &pruned(superseded), at("05:02:00"));
        assert_eq!(of(&decision, kind), ("True".to_owned(), Some(generation)));
    }
    // The next process knows of no policy that was applied.
    let never = Observed {
        store: Some(store(vec![backup("00:00:00")])),
        ..healthy()
    };
    assert_eq!(of(&decide(&plan, &never, at("05:02:00")), kind).1, Some(1));
}
