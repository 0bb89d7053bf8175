//! How old the newest backup may be, also where a clock was wrong.

use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn freshness_follows_the_plans_own_schedule() {
    let observed = healthy();
    let plan = seen(plan(json!({})), &observed, at("05:01:00"));
    // Taken 00:00:01, six hours to the next, one hour to be late in.
    let fresh = decide(&plan, &observed, at("07:00:01"));
    assert_eq!(says(&fresh, "Fresh").0, "True");
    let stale = decide(&plan, &observed, at("07:00:02"));
    assert_eq!(says(&stale, "Fresh"), pair("False", "Overdue"));
    assert_eq!(says(&stale, "Ready"), pair("False", "Overdue"));
    assert!(told(&stale).contains(&event::OVERDUE));
}

#[test]
fn a_suspended_plan_goes_stale_all_the_same() {
    let observed = healthy();
    let plan = seen(
        plan(json!({"spec": {"suspend": true}})),
        &observed,
        at("05:01:00"),
    );
    let decision = decide(&plan, &observed, at("05:02:00"));
    assert_eq!(decision.again, Some(at("07:00:02")));
    assert_eq!(
        says(&decide(&plan, &observed, at("07:00:02")), "Fresh").0,
        "False"
    );
}

#[test]
fn a_new_plan_has_until_its_first_slot() {
    let plan = plan(json!({"metadata": {"creationTimestamp": "2026-11-23T05:00:00Z"}}));
    let decision = decide(&plan, &observed(), at("05:01:00"));
    assert_eq!(says(&decision, "Fresh"), pair("Unknown", "NoRunYet"));
    assert_eq!(says(&decision, "Ready"), pair("True", "NoRunYet"));
    let plan = after(plan, &decision);
    assert_eq!(
        says(&decide(&plan, &observed(), at("13:00:00")), "Fresh").0,
        "False"
    );
}

#[test]
fn without_a_schedule_freshness_is_not_measured() {
    let decision = decide(
        &plan(json!({"spec": {"schedule": null}})),
        &healthy(),
        at("05:01:00"),
    );
    assert_eq!(says(&decision, "Fresh"), pair("Unknown", "NoSchedule"));
}

#[test]
fn a_plan_that_this_operator_refuses_goes_stale_all_the_same() {
    let mut observed = healthy();
    observed.refused = Some(Trouble {
        reason: "JobsDisabled".to_owned(),
        message: "no Jobs here".to_owned(),
    });
    let decision = decide(&plan(json!({})), &observed, at("07:00:02"));
    assert_eq!(says(&decision, "Accepted"), pair("False", "JobsDisabled"));
    assert_eq!(says(&decision, "Fresh"), pair("False", "Overdue"));
}

#[test]
fn what_cannot_be_measured_says_why() {
    let nonsense = plan(json!({"spec": {"schedule": "0 0 31 2 *"}}));
    let decision = decide(&nonsense, &healthy(), at("05:01:00"));
    assert_eq!(says(&decision, "Accepted"), pair("False", "InvalidSchedule"));
    assert_eq!(says(&decision, "Fresh"), pair("Unknown", "InvalidSpec"));
}

/// A backup that a wrong clock stamped, ten years ahead.
fn of_the_future() -> Backup {
    let taken = on("2036-11-23", "04:00:00");
    Backup {
        run_id: "20361123T040000Z-abcdefgh".to_owned(),
        slot: None,
        taken,
        verified: Some(taken),
        ..backup("04:00:00")
    }
}

#[test]
fn a_backup_of_the_future_does_not_hide_that_backups_are_overdue() {
    let mut observed = healthy();
    observed.store = Some(store(vec![backup("00:00:00"), of_the_future()]));
    let plan = plan(json!({}));
    let decision = decide(&plan, &observed, at("05:01:00"));
    let success = decision.status.last_success.as_ref().unwrap();
    assert_eq!(success.time, at("00:00:01"));
    let told = |decision: &Decision| {
        let told = |note: &&crate::events::Note| note.reason == event::BACKUP_IN_THE_FUTURE;
        decision.notes.iter().filter(told).count()
    };
    assert_eq!(told(&decision), 1);
    let fresh = says(&decision, "Fresh");
    assert_eq!(fresh.0, "True");
    let again = decide(&seen(plan, &observed, at("05:01:00")), &observed, at("05:02:00"));
    assert_eq!(told(&again), 0, "it is news once");

    let late = decide(&self::plan(json!({})), &observed, at("23:00:00"));
    assert_eq!(says(&late, "Fresh").0, "False");
    let message = message(&late, "Fresh");
    for part in [
        "20361123T040000Z-abcdefgh",
        "in the future",
        "passed over",
        "deleted from the store",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_backup_of_the_future_alone_is_shown_and_makes_nothing_fresh() {
    let mut observed = observed();
    observed.store = Some(store(vec![of_the_future()]));
    let decision = decide(&plan(json!({})), &observed, at("23:00:00"));
    assert_eq!(
        decision.status.last_success.as_ref().unwrap().time,
        on("2036-11-23", "04:00:00")
    );
    assert_ne!(says(&decision, "Fresh").0, "True");
    let message = message(&decision, "Fresh");
    assert!(message.contains("there is no other"), "{message}");
}
