//! EtcdSnapshots for what the store holds.

use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn what_is_found_in_the_store_gets_a_snapshot_named_after_its_slot() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00")]));
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(created(&decision), ["prod-20261123t0000z"]);
    let run_id = backup("00:00:00").run_id;
    assert_eq!(
        decision.create[0].origin,
        Origin::Found {
            run_id,
            slot: Some(at("00:00:00"))
        }
    );
    assert!(told(&decision).contains(&event::FOUND_IN_STORE));
}

#[test]
fn two_backups_of_one_slot_both_get_a_snapshot() {
    let mut twin = backup("00:00:00");
    twin.run_id = "20261123T000500Z-zzzzzzzz".to_owned();
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00"), twin]));
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(created(&decision), ["prod-20261123t0000z", "prod-zzzzzzzz"]);
}

#[test]
fn a_backup_that_has_its_snapshot_gets_no_second_one() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00")]));
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    assert!(
        decide(&plan(json!({})), &observed, at("05:01:00"))
            .create
            .is_empty()
    );
}

#[test]
fn a_backup_that_only_a_failed_copy_names_gets_its_snapshot() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00")]));
    let mut copy = shot("00:00:00", SnapshotPhase::Failed);
    copy.name = "before-upgrade".to_owned();
    (copy.slot, copy.found, copy.run_id) = (None, true, Some(backup("00:00:00").run_id));
    observed.snapshots.push(copy);
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(created(&decision), ["prod-20261123t0000z"]);
    let newest = decision.status.last_success.unwrap().snapshot;
    assert_eq!(newest, "prod-20261123t0000z");
}

#[test]
fn what_a_run_under_way_has_just_stored_is_left_to_its_own_snapshot() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("04:00:00")]));
    observed.snapshots.push(shot("04:00:00", SnapshotPhase::Running));
    assert!(
        decide(&plan(json!({})), &observed, at("05:01:00"))
            .create
            .is_empty()
    );
}

#[test]
fn a_store_that_does_not_answer_creates_and_deletes_nothing() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    let trouble = Trouble {
        reason: "StoreUnavailable".to_owned(),
        message: "503".to_owned(),
    };
    observed.store.as_mut().unwrap().holds = Err(trouble);
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert!(decision.create.is_empty() && decision.delete.is_empty());
}

#[test]
fn an_old_bucket_is_worked_off_in_steps() {
    let many = (0..120).map(|minute| {
        let mut one = backup("00:00:00");
        let taken = at("00:00:00") + TimeDelta::minutes(minute);
        (one.run_id, one.slot, one.taken) = (format!("r-{minute:08}"), Some(taken), taken);
        one
    });
    let mut observed = observed();
    observed.store = Some(store(many.collect()));
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(
        decision.create.len(),
        super::super::catalogue::MOST_CREATED_AT_ONCE
    );
    assert_eq!(decision.again, Some(at("05:01:00")));
}

#[test]
fn a_name_that_is_taken_is_avoided() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00")]));
    observed.foreign = names(&["prod-20261123t0000z"]);
    assert_eq!(
        created(&decide(&plan(json!({})), &observed, at("05:01:00"))),
        ["prod-abcdefgh"]
    );
}

#[test]
fn a_vanished_object_is_never_a_reason_to_delete_its_snapshot() {
    let mut observed = observed();
    observed.snapshots = vec![
        shot("00:00:00", SnapshotPhase::Succeeded),
        shot("01:00:00", SnapshotPhase::Missing),
    ];
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert!(decision.delete.is_empty());
    assert_eq!(
        decision.wake,
        ["prod-20261123t0000z"],
        "it is looked at again instead"
    );
}

#[test]
fn an_object_that_is_back_is_looked_at_again() {
    let mut observed = observed();
    observed.snapshots = vec![shot("00:00:00", SnapshotPhase::Missing)];
    observed.store = Some(store(vec![backup("00:00:00")]));
    assert_eq!(
        decide(&plan(json!({})), &observed, at("05:01:00")).wake,
        ["prod-20261123t0000z"]
    );
}

#[test]
fn only_the_newest_failures_are_kept() {
    let mut observed = observed();
    observed.snapshots = (10..24)
        .map(|minute| shot(&format!("04:{minute}:00"), SnapshotPhase::Failed))
        .collect();
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    let gone: Vec<_> = (10..14)
        .rev()
        .map(|minute| format!("prod-20261123t04{minute}z"))
        .collect();
    assert_eq!(decision.delete, gone);
}
