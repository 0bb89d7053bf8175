//! What is shown and forgotten after retention has run.

use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn what_retention_removed_loses_its_snapshot() {
    let mut observed = observed();
    observed.snapshots = vec![
        shot("00:00:00", SnapshotPhase::Succeeded),
        shot("04:00:00", SnapshotPhase::Succeeded),
    ];
    let mut said = store(vec![backup("04:00:00")]);
    said.retention = Some(Ok(pruning(&["00:00:00"], false)));
    observed.store = Some(said);
    let decision = decide(
        &plan(json!({"spec": {"retention": {"keepLast": 1}}})),
        &observed,
        at("05:01:00"),
    );
    assert_eq!(decision.delete, ["prod-20261123t0000z"]);
    assert!(told(&decision).contains(&event::PRUNED));
}

#[test]
fn what_was_pinned_too_late_keeps_its_snapshot_and_what_was_left_alone_is_told_once() {
    let mut observed = observed();
    observed.snapshots = vec![
        shot("00:00:00", SnapshotPhase::Succeeded),
        shot("04:00:00", SnapshotPhase::Succeeded),
    ];
    observed.snapshots[0].pinned = true;
    let mut said = store(vec![backup("04:00:00")]);
    said.retention = Some(Ok(Pruning {
        spared: Some(Trouble {
            reason: "Pinned".to_owned(),
            message: "1 left alone after all, the first is r: it is pinned by now".to_owned(),
        }),
        ..pruning(&["00:00:00"], false)
    }));
    observed.store = Some(said);
    let plan = plan(json!({"spec": {"retention": {"keepLast": 1}}}));
    let decision = decide(&plan, &observed, at("05:01:00"));
    assert!(decision.delete.is_empty(), "{:?}", decision.delete);
    assert!(decision.wake.contains(&"prod-20261123t0000z".to_owned()));
    let spared: Vec<_> = decision
        .notes
        .iter()
        .filter(|note| note.reason == event::SPARED)
        .collect();
    assert!(spared.len() == 1 && spared[0].message.contains("pinned by now"));
    assert_eq!(says(&decision, "RetentionSucceeded").0, "True");
    let plan = seen(plan, &observed, at("05:01:00"));
    assert!(!told(&decide(&plan, &observed, at("05:01:01"))).contains(&event::SPARED));
}

#[test]
fn what_retention_has_just_removed_is_no_success_that_the_store_does_not_show() {
    let mut observed = observed();
    observed.snapshots = vec![
        shot("04:59:50", SnapshotPhase::Succeeded),
        shot("04:59:51", SnapshotPhase::Succeeded),
    ];
    let mut said = store(vec![backup("04:59:51")]);
    (said.at, said.since) = (at("05:00:10"), at("04:59:55"));
    said.retention = Some(Ok(Pruning {
        at: at("05:00:10"),
        ..pruning(&["04:59:50"], false)
    }));
    observed.store = Some(said);
    let plan = plan(json!({"spec": {"retention": {"keepLast": 1}}}));
    assert_eq!(decide(&plan, &observed, at("05:00:11")).job, None);
}

#[test]
fn two_prunings_within_a_second_are_both_told() {
    let first = pruning(&["00:00:00"], false);
    let second = Pruning {
        at: first.at + TimeDelta::milliseconds(400),
        ..pruning(&["01:00:00"], false)
    };
    let mut observed = observed();
    let mut plan = plan(json!({"spec": {"retention": {"keepLast": 1}}}));
    for pruning in [first, second] {
        let mut said = store(vec![backup("04:00:00")]);
        said.retention = Some(Ok(pruning));
        observed.store = Some(said);
        let decision = decide(&plan, &observed, at("05:01:00"));
        assert!(told(&decision).contains(&event::PRUNED));
        plan = seen(plan, &observed, at("05:01:00"));
        assert!(!told(&decide(&plan, &observed, at("05:01:01"))).contains(&event::PRUNED));
    }
}
