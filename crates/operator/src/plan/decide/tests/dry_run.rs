//! What is shown of a retention that removes nothing.

use etcd_backup_api::RetentionCandidate;
use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn with_the_dry_run_annotation_retention_only_shows_what_would_go() {
    let dry = |value: &str| {
        keeping(json!({"metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": value}}}))
    };
    let mut observed = observed();
    let shows = Some(StoreJob::Prune {
        dry_run: true,
        missing: Vec::new(),
    });
    assert_eq!(asked(&dry("true"), &observed, "05:01:00"), shows);
    assert_eq!(asked(&dry("false"), &observed, "05:01:00"), None);
    let known = Pruning {
        at: at("05:00:00"),
        dry_run: true,
        kept: 1,
        ..Pruning::default()
    };
    observed.store.as_mut().unwrap().retention = Some(Ok(known.clone()));
    assert_eq!(
        asked(&dry("true"), &observed, "05:01:00"),
        None,
        "it is shown once"
    );
    let mut edited = self::observed();
    edited.store.as_mut().unwrap().retention = Some(Ok(Pruning {
        superseded: true,
        ..known
    }));
    assert_eq!(
        asked(&dry("true"), &edited, "05:01:00"),
        shows,
        "another policy is shown at once"
    );
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    assert_eq!(
        asked(&dry("true"), &observed, "06:00:10"),
        shows,
        "and again after each success"
    );
}

#[test]
fn a_dry_run_is_shown_again_when_what_would_go_is_pinned() {
    let dry = keeping(json!({"metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": "true"}}}));
    let mut observed = observed();
    observed.snapshots = ["00:00:00", "04:00:00"]
        .map(|time| shot(time, SnapshotPhase::Succeeded))
        .to_vec();
    let would = |time: &str| RetentionCandidate {
        run_id: backup(time).run_id,
        why: "no rule keeps it".to_owned(),
    };
    let shown = |removed| Pruning {
        at: at("05:00:00"),
        dry_run: true,
        removed,
        ..Pruning::default()
    };
    let mut said = store(vec![backup("00:00:00"), backup("04:00:00")]);
    said.retention = Some(Ok(shown(vec![would("00:00:00")])));
    observed.store = Some(said);
    assert_eq!(asked(&dry, &observed, "05:01:00"), None);
    observed.snapshots[0].pinned = true;
    assert!(matches!(
        asked(&dry, &observed, "05:01:00"),
        Some(StoreJob::Prune { dry_run: true, .. })
    ));
    observed.store.as_mut().unwrap().retention = Some(Ok(shown(vec![])));
    assert_eq!(asked(&dry, &observed, "05:01:00"), None);
}

#[test]
fn a_dry_run_deletes_no_snapshot() {
    let mut observed = observed();
    observed.snapshots = vec![shot("00:00:00", SnapshotPhase::Succeeded)];
    let mut said = store(vec![backup("00:00:00")]);
    said.retention = Some(Ok(pruning(&["00:00:00"], true)));
    observed.store = Some(said);
    let decision = decide(
        &plan(json!({"spec": {"retention": {"keepLast": 1}}})),
        &observed,
        at("05:01:00"),
    );
    assert!(decision.delete.is_empty());
    assert!(told(&decision).contains(&event::RETENTION_DRY_RUN));
    let shown = decision.status.retention.unwrap();
    assert_eq!(
        (shown.removed, shown.would_remove.len(), shown.dry_run),
        (0, 1, true)
    );
}

#[test]
fn a_dry_run_of_a_held_retention_shows_what_is_held_and_why() {
    let mut observed = observed();
    observed.snapshots = vec![shot("00:00:00", SnapshotPhase::Succeeded)];
    let mut said = store(vec![backup("00:00:00")]);
    said.retention = Some(Ok(Pruning {
        held: Some(Trouble {
            reason: "SnapshotShrunk".to_owned(),
            message: "nothing is removed: it is small".to_owned(),
        }),
        ..pruning(&["00:00:00"], true)
    }));
    observed.store = Some(said);
    let decision = decide(
        &plan(json!({"spec": {"retention": {"keepLast": 1}}})),
        &observed,
        at("05:01:00"),
    );
    assert!(decision.delete.is_empty());
    assert_eq!(
        says(&decision, "RetentionSucceeded"),
        pair("False", "SnapshotShrunk")
    );
    let said = message(&decision, "RetentionSucceeded");
    let shown = decision.status.retention.unwrap();
    assert_eq!((shown.removed, shown.would_remove.len()), (0, 1));
    for message in [shown.held.as_ref().unwrap(), &said] {
        assert!(message.contains("it is small"), "{message}");
    }
    assert!(said.contains(&shown.would_remove[0].run_id));
}
