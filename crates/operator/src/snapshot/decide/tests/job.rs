//! Snapshots that Jobs take.

use serde_json::json;

use super::*;

fn by_job() -> Plan {
    present(json!({"spec": {"runner": {"type": "Job"}}}))
}

fn running(changes: Value) -> EtcdSnapshot {
    let mut status = json!({
        "phase": "Running", "owner": "pod-b_9", "attempts": 2, "job": "prod-1-snapshot-attempt-2",
        "startTime": "2026-11-23T06:00:00Z",
    });
    crate::fixtures::merge(&mut status, changes);
    snapshot(json!({"status": status}))
}

fn with_status(snapshot: &EtcdSnapshot, status: etcd_backup_api::EtcdSnapshotStatus) -> EtcdSnapshot {
    EtcdSnapshot {
        status: Some(status),
        ..snapshot.clone()
    }
}

#[test]
fn an_attempt_names_its_job_before_it_is_begun() {
    let mut observed = observed();
    observed.plan = by_job();
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!(decision.status.job.as_deref(), Some("prod-1-snapshot-attempt-1"));
    assert!(matches!(
        decision.run,
        RunAction::Submit {
            attempt: 1,
            adopt: false,
            ..
        }
    ));
}

#[test]
fn a_job_whose_operator_is_gone_is_followed_by_the_next_one() {
    let mut observed = observed();
    // Whatever the plan says meanwhile, and whatever an older listing has.
    for plan in [by_job(), present(json!({}))] {
        observed.plan = plan;
        let decision = decide(&running(json!({})), &observed, at("06:10:00"));
        assert!(matches!(
            decision.run,
            RunAction::Submit {
                attempt: 2,
                adopt: true,
                ..
            }
        ));
        assert_eq!(decision.status.phase, SnapshotPhase::Running);
        assert_eq!(
            (decision.status.owner.as_deref(), decision.status.attempts),
            (Some(ME), Some(2))
        );
        assert!(decision.notes.is_empty());
    }
}

#[test]
fn a_job_that_is_not_wanted_any_more_is_found_before_it_is_ended() {
    let mut observed = observed();
    observed.plan = present(json!({"spec": {"runner": {"type": "Job"}, "deletionPolicy": "Delete"}}));
    let mut going = running(json!({}));
    going.metadata.finalizers = Some(vec![labels::FINALIZER.to_owned()]);
    going.metadata.deletion_timestamp = snapshot(json!({})).metadata.creation_timestamp;
    let decision = decide(&going, &observed, at("06:10:00"));
    assert!(matches!(decision.run, RunAction::Submit { adopt: true, .. }));
    assert_eq!(decision.metadata, None);
    observed.run = Some(Run::Running {
        started: at("06:10:00"),
        bytes: 0,
        total: None,
        waits: None,
    });
    assert_eq!(decide(&going, &observed, at("06:10:01")).run, RunAction::Cancel);
    observed.run = Some(Run::Failed {
        problem: Problem {
            reason: "Cancelled".into(),
            message: String::new(),
        },
        transient: false,
    });
    let decision = decide(&going, &observed, at("06:10:02"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
}

#[test]
fn a_process_that_ends_leaves_its_jobs_alone() {
    let mut observed = observed();
    observed.plan = by_job();
    observed.stopping = true;
    for owner in [ME, "pod-b_9"] {
        let decision = decide(&running(json!({"owner": owner})), &observed, at("06:10:00"));
        assert_eq!(
            (decision.run, decision.status.phase),
            (RunAction::None, SnapshotPhase::Running)
        );
    }
}

#[test]
fn a_claim_that_never_reached_the_pool_makes_or_finds_its_job() {
    let mut observed = observed();
    observed.plan = by_job();
    let claimed = running(json!({"phase": "Pending", "owner": ME}));
    let decision = decide(&claimed, &observed, at("06:10:00"));
    assert!(matches!(
        decision.run,
        RunAction::Submit {
            attempt: 2,
            adopt: false,
            ..
        }
    ));
}

/// Its Job may have been made and run: an attempt with another number would be a second Job, and a second backup.
#[test]
fn a_claim_whose_owner_is_gone_keeps_its_number_while_the_store_is_not_known() {
    let mut observed = observed();
    let claimed = running(json!({"phase": "Pending"}));
    for plan in [by_job(), present(json!({}))] {
        observed.plan = plan;
        observed.store = Store::Unknown;
        let waits = decide(&claimed, &observed, at("06:10:00"));
        assert_eq!(waits.run, RunAction::None);
        assert_eq!(waits.status.attempts, Some(2));
        assert_eq!(waits.status.owner.as_deref(), Some("pod-b_9"));
        observed.store = Store::Unreadable;
        let goes_on = decide(&with_status(&claimed, waits.status), &observed, at("06:10:01"));
        let adopted = !matches!(&observed.plan, Plan::Present { plan, .. } if plan.spec.runner.is_job());
        assert!(
            matches!(goes_on.run, RunAction::Submit { attempt: 2, adopt, .. } if adopt == adopted),
            "{:?}",
            goes_on.run
        );
        assert_eq!(goes_on.status.job.as_deref(), Some("prod-1-snapshot-attempt-2"));
        assert_eq!(
            (goes_on.status.owner.as_deref(), goes_on.status.attempts),
            (Some(ME), Some(2))
        );
    }
}

#[test]
fn what_a_job_waits_for_is_told_in_the_status() {
    let mut observed = observed();
    observed.plan = by_job();
    observed.run = Some(Run::Running {
        started: at("06:00:00"),
        bytes: 0,
        total: None,
        waits: Some(Problem {
            reason: "ImagePullBackOff".into(),
            message: "the pod waits: no such image".into(),
        }),
    });
    let status = decide(&running(json!({"owner": ME})), &observed, at("06:01:00")).status;
    assert_eq!(
        (status.reason.as_deref(), status.message.as_deref()),
        (Some("ImagePullBackOff"), Some("the pod waits: no such image"))
    );
    if let Some(Run::Running { waits, .. }) = &mut observed.run {
        *waits = None;
    }
    let status = decide(&running(json!({"owner": ME})), &observed, at("06:01:00")).status;
    assert!(status.message.unwrap().contains("prod-1-snapshot-attempt-2"));
}
