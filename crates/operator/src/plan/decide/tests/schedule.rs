use serde_json::json;

use super::*;
use crate::events::reason as event;

/// A plan made at midnight and looked at since.
fn at_night() -> EtcdBackup {
    let plan = plan(json!({"metadata": {"creationTimestamp": "2026-11-23T00:00:00Z"}}));
    seen(plan, &observed(), at("00:30:00"))
}

#[test]
fn a_slot_that_comes_due_gets_its_snapshot() {
    let early = decide(&at_night(), &observed(), at("05:59:59"));
    assert!(early.create.is_empty());
    assert_eq!(early.again, Some(at("06:00:00")));
    let due = decide(&at_night(), &observed(), at("06:00:00"));
    assert_eq!(created(&due), ["prod-20261123t0600z"]);
    assert_eq!(due.create[0].origin, Origin::Slot(at("06:00:00")));
    assert_eq!(due.status.last_slot, Some(at("06:00:00")));
    assert_eq!(due.status.next_run, Some(at("12:00:00")));
    assert_eq!(told(&due), [event::SNAPSHOT_SCHEDULED]);
}

#[test]
fn a_slot_is_run_once() {
    let plan = at_night();
    let due = decide(&plan, &observed(), at("06:00:00"));
    let plan = after(plan, &due);
    assert!(decide(&plan, &observed(), at("06:00:01")).create.is_empty());
}

#[test]
fn a_slot_whose_snapshot_exists_is_adopted_even_when_the_status_was_lost() {
    let mut observed = observed();
    observed.snapshots.push(shot("06:00:00", SnapshotPhase::Running));
    let decision = decide(&at_night(), &observed, at("06:00:02"));
    assert!(decision.create.is_empty());
    assert_eq!(decision.status.last_slot, Some(at("06:00:00")));
    assert_eq!(decision.status.missed_runs, Some(0));
}

#[test]
fn a_missed_slot_is_made_up_for_once_within_the_starting_deadline() {
    let late = decide(&at_night(), &observed(), at("06:59:00"));
    assert_eq!(created(&late), ["prod-20261123t0600z"]);
    assert_eq!(late.status.missed_runs, Some(0));
    let too_late = decide(&at_night(), &observed(), at("07:00:01"));
    assert!(too_late.create.is_empty());
    assert_eq!(too_late.status.missed_runs, Some(1));
    assert_eq!(too_late.status.last_slot, Some(at("06:00:00")));
    assert!(told(&too_late).contains(&event::SLOTS_MISSED));
}

#[test]
fn after_a_long_absence_only_the_newest_slot_is_run_and_the_others_are_counted() {
    let decision = decide(&at_night(), &observed(), at("18:10:00"));
    assert_eq!(created(&decision), ["prod-20261123t1800z"]);
    assert_eq!(decision.status.missed_runs, Some(2));
}

#[test]
fn a_slot_while_a_run_is_active_is_skipped_told_and_counted() {
    let mut observed = observed();
    observed.snapshots.push(shot("06:00:00", SnapshotPhase::Running));
    let plan = seen(at_night(), &observed, at("06:00:01"));
    let decision = decide(&plan, &observed, at("12:00:00"));
    assert!(decision.create.is_empty());
    assert_eq!(decision.status.missed_runs, Some(1));
    assert_eq!(decision.status.last_slot, Some(at("12:00:00")));
    assert!(told(&decision).contains(&event::SLOT_SKIPPED));
    let plan = after(plan, &decision);
    observed.snapshots[0] = shot("06:00:00", SnapshotPhase::Failed);
    assert!(
        decide(&plan, &observed, at("12:00:05")).create.is_empty(),
        "a skipped slot stays skipped"
    );
}

#[test]
fn a_snapshot_that_is_over_never_holds_up_the_next_slot() {
    for phase in [
        SnapshotPhase::Failed,
        SnapshotPhase::Missing,
        SnapshotPhase::Succeeded,
    ] {
        let mut observed = observed();
        observed.snapshots.push(shot("00:00:00", phase));
        let decision = decide(&at_night(), &observed, at("06:00:00"));
        assert_eq!(created(&decision), ["prod-20261123t0600z"], "{phase:?}");
    }
}

#[test]
fn what_somebody_asked_for_costs_no_slot_while_it_waits() {
    let mut observed = observed();
    let mut asked = shot("05:59:00", SnapshotPhase::Pending);
    (asked.name, asked.slot) = ("by-hand".to_owned(), None);
    observed.snapshots.push(asked.clone());
    assert_eq!(
        created(&decide(&at_night(), &observed, at("06:00:00"))),
        ["prod-20261123t0600z"]
    );
    asked.phase = SnapshotPhase::Running;
    observed.snapshots[0] = asked;
    assert!(decide(&at_night(), &observed, at("06:00:00")).create.is_empty());
}

#[test]
fn a_suspended_plan_runs_nothing_by_schedule_and_writes_nothing_at_its_slots() {
    let plan = plan(json!({"spec": {"suspend": true}}));
    let plan = seen(plan, &observed(), at("00:30:00"));
    assert_eq!(plan.status.as_ref().unwrap().next_run, None);
    for time in ["06:00:00", "06:30:00", "12:00:00"] {
        let decision = decide(&plan, &observed(), at(time));
        assert!(is_quiet(&decision, &plan), "{time}");
    }
}

#[test]
fn resuming_does_not_run_what_was_suspended() {
    let suspended = seen(
        plan(json!({"spec": {"suspend": true}})),
        &observed(),
        at("00:30:00"),
    );
    let mut resumed = suspended;
    resumed.spec.suspend = false;
    resumed.metadata.generation = Some(2);
    let decision = decide(&resumed, &observed(), at("12:20:00"));
    assert!(decision.create.is_empty());
    assert_eq!(decision.status.missed_runs, Some(0));
    assert_eq!(decision.status.next_run, Some(at("18:00:00")));
}

#[test]
fn a_changed_schedule_counts_from_now() {
    let mut plan = at_night();
    plan.spec.schedule = Some("*/5 * * * *".to_owned());
    plan.metadata.generation = Some(2);
    let decision = decide(&plan, &observed(), at("04:02:00"));
    assert!(decision.create.is_empty());
    assert_eq!(
        (decision.status.missed_runs, decision.status.next_run),
        (Some(0), Some(at("04:05:00")))
    );
    let plan = after(plan, &decision);
    assert_eq!(
        created(&decide(&plan, &observed(), at("04:05:00"))),
        ["prod-20261123t0405z"]
    );
}

#[test]
fn another_change_of_the_spec_does_not_lose_a_slot() {
    let mut plan = at_night();
    plan.spec.retries = 1;
    plan.metadata.generation = Some(2);
    assert_eq!(
        created(&decide(&plan, &observed(), at("06:10:00"))),
        ["prod-20261123t0600z"]
    );
}

#[test]
fn jitter_moves_a_run_but_not_the_name_of_its_slot() {
    let plan = seen(
        plan(json!({"spec": {"jitter": "50m"}})),
        &observed(),
        at("00:55:00"),
    );
    let run_at = plan.status.as_ref().unwrap().next_run.unwrap();
    assert!(run_at >= at("06:00:00") && run_at <= at("06:50:00"));
    let early = decide(&plan, &observed(), run_at - TimeDelta::seconds(1));
    assert!(early.create.is_empty());
    assert_eq!(
        created(&decide(&plan, &observed(), run_at)),
        ["prod-20261123t0600z"]
    );
}

#[test]
fn a_plan_without_a_schedule_waits_for_people() {
    let plan = plan(json!({"spec": {"schedule": null}}));
    let decision = decide(&plan, &observed(), at("06:00:00"));
    assert!(decision.create.is_empty());
    assert_eq!(
        (decision.status.next_run, decision.status.last_slot),
        (None, None)
    );
}

#[test]
fn a_slot_from_the_future_does_not_stop_the_schedule() {
    let mut plan = at_night();
    plan.status.as_mut().unwrap().last_slot = Some(on("2036-01-01", "00:00:00"));
    let decision = decide(&plan, &observed(), at("06:00:00"));
    assert_eq!(created(&decision), ["prod-20261123t0600z"]);
    assert_eq!(decision.status.last_slot, Some(at("06:00:00")));
}

#[test]
fn a_clock_that_went_back_creates_nothing_twice() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    let plan = seen(at_night(), &observed, at("06:01:00"));
    let decision = decide(&plan, &observed, at("05:30:00"));
    assert!(decision.create.is_empty());
}

#[test]
fn the_schedule_is_read_in_its_time_zone() {
    let plan = plan(json!({"spec": {"schedule": "30 6 * * *", "timeZone": "Europe/Berlin"}}));
    let plan = seen(plan, &observed(), at("00:00:00"));
    assert_eq!(plan.status.unwrap().next_run, Some(at("05:30:00")));
}

#[test]
fn nonsense_is_not_accepted_and_waits_for_a_change() {
    for (spec, reason) in [
        (json!({"schedule": "0 0 31 2 *"}), "InvalidSchedule"),
        (json!({"schedule": "* * * * * *"}), "InvalidSchedule"),
        (json!({"schedule": "60 * * * *"}), "InvalidSchedule"),
        (json!({"schedule": ""}), "InvalidSchedule"),
        (json!({"timeZone": "Mars/Olympus"}), "InvalidSchedule"),
        (json!({"timeout": "0s"}), "InvalidSpec"),
        (json!({"startingDeadline": "99999d"}), "InvalidSpec"),
    ] {
        let plan = plan(json!({"spec": spec}));
        let decision = decide(&plan, &observed(), at("06:00:00"));
        assert_eq!(says(&decision, "Accepted"), pair("False", reason), "{spec}");
        assert_eq!(says(&decision, "Ready"), pair("False", reason), "{spec}");
        assert!(decision.create.is_empty());
        assert!(told(&decision).contains(&event::NOT_ACCEPTED));
        let plan = after(plan, &decision);
        assert!(is_quiet(&decide(&plan, &observed(), at("06:00:01")), &plan));
    }
}

#[test]
fn an_annotation_runs_once_for_each_distinct_value() {
    let asking = |token: &str| plan(json!({"metadata": {"annotations": {"etcdbackup.dev/run-now": token}}}));
    let first = decide(&asking("a"), &observed(), at("03:00:00"));
    assert_eq!(first.create.len(), 1);
    assert_eq!(first.create[0].origin, Origin::Asked);
    assert_eq!(first.status.last_run_now.as_deref(), Some("a"));
    assert!(told(&first).contains(&event::SNAPSHOT_REQUESTED));
    let answered = after(asking("a"), &first);
    assert!(decide(&answered, &observed(), at("03:00:01")).create.is_empty());
    let mut again = answered;
    again
        .metadata
        .annotations
        .as_mut()
        .unwrap()
        .insert("etcdbackup.dev/run-now".into(), "b".into());
    let second = decide(&again, &observed(), at("03:00:02"));
    assert_eq!(second.create.len(), 1);
    assert_ne!(second.create[0].name, first.create[0].name);
}

#[test]
fn a_request_whose_snapshot_exists_is_not_created_again_when_the_status_was_lost() {
    let plan = plan(json!({"metadata": {"annotations": {"etcdbackup.dev/run-now": "a"}}}));
    let mut observed = observed();
    let mut asked = shot("03:00:00", SnapshotPhase::Running);
    (asked.name, asked.slot) = (naming::for_token("prod", "a"), None);
    observed.snapshots.push(asked);
    let decision = decide(&plan, &observed, at("03:00:05"));
    assert!(decision.create.is_empty());
    assert_eq!(decision.status.last_run_now.as_deref(), Some("a"));
}

#[test]
fn people_are_answered_while_the_schedule_is_suspended_or_a_run_is_active() {
    let plan = plan(json!({
        "metadata": {"annotations": {"etcdbackup.dev/run-now": "a"}}, "spec": {"suspend": true},
    }));
    let mut observed = observed();
    observed.snapshots.push(shot("00:00:00", SnapshotPhase::Running));
    assert_eq!(decide(&plan, &observed, at("03:00:00")).create.len(), 1);
}

#[test]
fn a_name_that_belongs_to_somebody_else_is_reported_and_left_alone() {
    let mut observed = observed();
    observed.foreign = names(&["prod-20261123t0600z"]);
    let plan = at_night();
    let decision = decide(&plan, &observed, at("06:00:00"));
    assert!(decision.create.is_empty());
    assert_eq!(says(&decision, "Ready"), pair("False", "NameTaken"));
    assert!(told(&decision).contains(&event::NAME_TAKEN));
}
