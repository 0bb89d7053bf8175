//! Every way from one phase to the next.

use etcd_backup_api::{EtcdRestore, MemberPhase, RestorePhase, RestoreStage};
use serde_json::{Value, json};

use super::{Action, Decision, Observed, SeenJob, decide};
use crate::agent::{AgentResult, Said, Stage, Step};
use crate::connect::Failure;
use crate::fixtures::{at, restore};
use crate::jobs::seen::{JobState, Problem};
use crate::jobs::wait::Wait;
use crate::restore::cluster::Work;
use crate::restore::{Errand, Resolved};

const FINALIZER: &str = "etcdbackup.dev/cleanup";

pub(super) fn quiet() -> Observed {
    Observed {
        refusal: None,
        enabled: true,
        rival: None,
        missing: None,
        source: Errand::Idle,
        work: Ok(Work::default()),
        set: None,
        refused: None,
        verification: Errand::Idle,
    }
}

pub(super) fn found(encrypted: bool) -> Errand<Resolved> {
    let source = json!({
        "url": "s3://b/k", "key": "k", "storage": {"s3": {"bucket": "bbb"}}, "runID": "run-1", "sha256": "",
        "size": 1, "snapshotSize": 1, "snapshotSHA256": "", "revision": 9, "clusterID": "1", "taken": "2026-11-23T06:00:00Z",
        "encrypted": encrypted,
    });
    Errand::Done {
        at: at("07:00:00"),
        answer: Ok(Resolved {
            source: serde_json::from_value(source).unwrap(),
            etcd: None,
        }),
    }
}

/// A restore of two members in this phase, which every member is in too.
fn object(phase: &str, member: &str) -> EtcdRestore {
    let target = |claim: &str| json!({"persistentVolumeClaim": {"claimName": claim}});
    restore(json!({
        "metadata": {"finalizers": [FINALIZER]},
        "spec": {"members": [
            {"name": "m0", "peerURLs": ["https://m0:2380"], "target": target("a")},
            {"name": "m1", "peerURLs": ["https://m1:2380"], "target": target("b")},
        ]},
        "status": {
            "phase": phase,
            "members": [{"name": "m0", "phase": member}, {"name": "m1", "phase": member}],
        },
    }))
}

fn deleted(mut object: EtcdRestore) -> EtcdRestore {
    object.metadata.deletion_timestamp = Some(crate::status::time(at("07:00:00")));
    object
}

pub(super) fn with(jobs: Vec<(Step, usize, JobState)>) -> Observed {
    let jobs = jobs
        .into_iter()
        .map(|(step, index, state)| SeenJob { step, index, state });
    Observed {
        work: Ok(Work {
            jobs: jobs.collect(),
            running: Vec::new(),
        }),
        ..quiet()
    }
}

fn failed() -> JobState {
    JobState::Failed(Problem {
        reason: "NotEnoughSpace".into(),
        message: "the disk is full".into(),
    })
}

pub(super) fn prepared(hash: u32) -> JobState {
    JobState::Complete(Some(AgentResult::Prepared {
        bytes: 5,
        revision: 10,
        hash_kv: Some(hash),
        cluster_id: "c".into(),
        member_id: "d".into(),
        message: None,
    }))
}

pub(super) fn look(object: &EtcdRestore, observed: &Observed) -> Decision {
    decide(object, observed, at("07:00:05"))
}

fn condition(decision: &Decision, kind: &str) -> Value {
    let condition = decision.status.conditions.iter().find(|one| one.type_ == kind);
    json!(condition.unwrap().status)
}

#[test]
fn a_new_restore_looks_its_source_up() {
    let decision = look(&restore(json!({})), &quiet());
    assert_eq!(decision.status.phase, RestorePhase::Resolving);
    assert_eq!(decision.actions, [Action::Resolve]);
    assert_eq!(condition(&decision, "Progressing"), "True");
}

#[test]
fn an_operator_without_the_feature_says_so_and_the_restore_waits() {
    let observed = Observed {
        enabled: false,
        refusal: Some(Problem {
            reason: "RestoreDisabled".into(),
            message: "no".into(),
        }),
        ..quiet()
    };
    let decision = look(&restore(json!({})), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Pending);
    assert_eq!(decision.status.reason.as_deref(), Some("RestoreDisabled"));
    assert!(decision.actions.is_empty());
}

#[test]
fn a_younger_restore_of_the_same_target_is_refused() {
    let observed = Observed {
        rival: Some("older".into()),
        ..quiet()
    };
    let decision = look(&restore(json!({})), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Failed);
    assert_eq!(decision.status.reason.as_deref(), Some("RestoreUnderWay"));
    assert_eq!(condition(&decision, "Failed"), "True");
}

#[test]
fn of_two_that_began_at_once_one_takes_back_what_it_prepared() {
    let observed = Observed {
        rival: Some("other".into()),
        ..with(vec![
            (Step::Prepare, 0, prepared(1)),
            (Step::Prepare, 1, prepared(1)),
        ])
    };
    let decision = look(&object("Preparing", "Preparing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Undoing);
    assert_eq!(decision.status.reason.as_deref(), Some("RestoreUnderWay"));
    // Once data goes into place nobody gives way any more.
    let committing = look(&object("Committing", "Prepared"), &observed);
    assert_eq!(committing.status.phase, RestorePhase::Committing);
}

#[test]
fn what_is_missing_is_waited_for_and_what_cannot_come_right_is_not() {
    for (failure, phase) in [
        (Failure::transient("PlanNotFound", "x"), RestorePhase::Resolving),
        (Failure::lasting("SourceDeleted", "x"), RestorePhase::Failed),
    ] {
        let observed = Observed {
            source: Errand::Done {
                at: at("07:00:00"),
                answer: Err(failure),
            },
            ..quiet()
        };
        assert_eq!(look(&restore(json!({})), &observed).status.phase, phase);
    }
}

#[test]
fn the_source_is_pinned_once_with_a_token_of_its_own() {
    let observed = Observed {
        source: found(false),
        ..quiet()
    };
    let decision = look(&restore(json!({})), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Preparing);
    assert_eq!(decision.status.source.unwrap().run_id, "run-1");
    assert_eq!(
        decision.status.initial_cluster_token.as_deref(),
        Some("etcd-restore-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
    );
    assert!(
        decision.actions.is_empty(),
        "the finalizer comes before the first Job"
    );
}

#[test]
fn an_encrypted_source_without_an_identity_is_refused_before_anything_is_done() {
    let observed = Observed {
        source: found(true),
        ..quiet()
    };
    let decision = look(&restore(json!({})), &observed);
    assert_eq!(decision.status.reason.as_deref(), Some("IdentityNeeded"));
    assert_eq!(decision.status.phase, RestorePhase::Failed);
}

#[test]
fn the_finalizer_comes_before_the_first_job() {
    let mut object = object("Preparing", "Pending");
    object.metadata.finalizers = None;
    let decision = look(&object, &quiet());
    assert_eq!((decision.finalizer, decision.actions), (Some(true), vec![]));
}

#[test]
fn every_member_gets_a_job_and_one_that_vanished_gets_it_again() {
    for member in ["Pending", "Preparing"] {
        let decision = look(&object("Preparing", member), &quiet());
        let wanted = [0, 1].map(|index| Action::Create(Step::Prepare, index));
        assert_eq!(decision.actions, wanted);
    }
}

#[test]
fn nothing_is_committed_before_every_member_is_prepared() {
    let observed = with(vec![
        (Step::Prepare, 0, prepared(7)),
        (Step::Prepare, 1, JobState::active(None)),
    ]);
    let decision = look(&object("Preparing", "Preparing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Preparing);
    assert!(decision.actions.is_empty());

    let observed = with(vec![
        (Step::Prepare, 0, prepared(7)),
        (Step::Prepare, 1, prepared(7)),
    ]);
    let decision = look(&object("Preparing", "Preparing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Committing);
    assert_eq!(decision.status.revision, Some(10));
}

#[test]
fn a_job_whose_pod_was_lost_is_made_again_once_nothing_of_it_writes() {
    let first = || (Step::Prepare, 0, prepared(7));
    let now = |observed: &Observed| look(&object("Preparing", "Preparing"), observed).actions;
    let lost = with(vec![first(), (Step::Prepare, 1, JobState::Lost)]);
    assert_eq!(now(&lost), [Action::Delete(Step::Prepare, 1)]);
    let mut gone = with(vec![first()]);
    gone.work.as_mut().unwrap().running.push((Step::Prepare, 1));
    assert!(now(&gone).is_empty());
    assert_eq!(now(&with(vec![first()])), [Action::Create(Step::Prepare, 1)]);
}

#[test]
fn prepared_members_that_differ_are_undone() {
    let observed = with(vec![
        (Step::Prepare, 0, prepared(7)),
        (Step::Prepare, 1, prepared(8)),
    ]);
    let decision = look(&object("Preparing", "Preparing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Undoing);
}

#[test]
fn one_member_that_fails_undoes_all_and_commits_none() {
    let observed = with(vec![
        (Step::Prepare, 0, prepared(7)),
        (Step::Prepare, 1, failed()),
    ]);
    let decision = look(&object("Preparing", "Preparing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Undoing);
    assert!(decision.status.message.unwrap().contains("m1"));
    assert!(decision.actions.is_empty());
}

#[test]
fn what_is_undone_is_stopped_first_and_discarded_then() {
    let observed = with(vec![
        (Step::Prepare, 0, JobState::active(None)),
        (Step::Prepare, 1, failed()),
    ]);
    let decision = look(&object("Undoing", "Preparing"), &observed);
    assert_eq!(
        decision.actions,
        [Action::Delete(Step::Prepare, 0), Action::Create(Step::Discard, 1)]
    );
    let mut observed = quiet();
    observed.work.as_mut().unwrap().running = vec![(Step::Prepare, 0), (Step::Prepare, 1)];
    let decision = look(&object("Undoing", "Preparing"), &observed);
    assert!(decision.actions.is_empty(), "a pod may still be writing");
}

#[test]
fn a_restore_that_was_undone_has_failed_and_says_what_is_left() {
    let observed = with(vec![
        (Step::Discard, 0, JobState::Complete(Some(AgentResult::Discarded))),
        (Step::Discard, 1, failed()),
    ]);
    let decision = look(&object("Undoing", "Failed"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Failed);
    assert!(decision.status.message.unwrap().contains("m1 (the disk is full)"));
}

#[test]
fn a_restore_deleted_while_it_prepares_is_undone_and_one_that_commits_goes_on() {
    let decision = look(&deleted(object("Preparing", "Preparing")), &quiet());
    assert_eq!(decision.status.phase, RestorePhase::Undoing);
    let decision = look(&deleted(object("Committing", "Prepared")), &quiet());
    let wanted = [0, 1].map(|index| Action::Create(Step::Commit, index));
    assert_eq!(decision.actions, wanted);
}

#[test]
fn a_restore_that_is_over_or_has_not_begun_may_go() {
    for phase in ["Succeeded", "Failed", "Resolving"] {
        let decision = look(&deleted(object(phase, "Pending")), &quiet());
        assert_eq!(decision.finalizer, Some(false), "{phase}");
    }
}

#[test]
fn it_has_succeeded_when_every_member_is_in_place() {
    let committed = || {
        JobState::Complete(Some(AgentResult::Committed {
            previous: Some("member.replaced-1".into()),
        }))
    };
    let observed = with(vec![
        (Step::Commit, 0, committed()),
        (Step::Commit, 1, committed()),
    ]);
    let decision = look(&object("Committing", "Committing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Succeeded);
    assert_eq!(condition(&decision, "Complete"), "True");
    assert_eq!(decision.status.members_done, Some(2));
    assert_eq!(
        decision.status.members[0].previous.as_deref(),
        Some("member.replaced-1")
    );
}

#[test]
fn a_commit_that_fails_waits_for_the_others_and_names_itself() {
    let observed = with(vec![
        (Step::Commit, 0, failed()),
        (Step::Commit, 1, JobState::active(None)),
    ]);
    let decision = look(&object("Committing", "Committing"), &observed);
    assert_eq!(decision.status.phase, RestorePhase::Committing);
    let observed = with(vec![
        (Step::Commit, 0, failed()),
        (Step::Commit, 1, JobState::Complete(None)),
    ]);
    let decision = look(&object("Committing", "Committing"), &observed);
    assert_eq!(decision.status.reason.as_deref(), Some("CommitFailed"));
    assert!(decision.status.message.unwrap().contains("1 of 2"));
    assert_eq!(decision.status.members[1].phase, MemberPhase::Committed);
}

#[test]
fn a_right_that_is_missing_is_named_and_waited_for() {
    let observed = Observed {
        work: Err(Problem {
            reason: "Forbidden".into(),
            message: "jobs".into(),
        }),
        ..quiet()
    };
    let decision = look(&object("Preparing", "Pending"), &observed);
    assert_eq!(decision.status.reason.as_deref(), Some("Forbidden"));
    assert!(decision.again.is_some() && decision.actions.is_empty());
}

#[test]
fn what_the_api_server_refuses_is_said_for_as_long_as_it_does() {
    let object = object("Preparing", "Pending");
    let refused = Problem {
        reason: "Forbidden".to_owned(),
        message: "cannot create Job x".to_owned(),
    };
    let observed = Observed {
        refused: Some(refused),
        ..with(vec![])
    };
    let now = at("07:05:00");
    let decision = decide(&object, &observed, now);
    assert!(
        matches!(decision.actions[..], [Action::Create(..), ..]),
        "it is tried again"
    );
    let said = |decision: &Decision| decision.status.reason.clone().unwrap_or_default();
    assert_eq!(said(&decision), "Forbidden");
    assert_eq!(decision.status.message.as_deref(), Some("cannot create Job x"));

    // The same again is no reason to write, or each try would wake the next one at once.
    let mut told = object.clone();
    told.status = Some(decision.status.clone());
    assert_eq!(decide(&told, &observed, now).status, decision.status);

    assert_eq!(said(&decide(&told, &with(vec![]), now)), "Preparing");
    let mut without = told;
    without.metadata.finalizers = None;
    let decision = decide(&without, &observed, now);
    assert_eq!(
        (decision.finalizer, said(&decision)),
        (Some(true), "Forbidden".to_owned())
    );
}

#[test]
fn what_a_job_waits_for_is_told_once_with_its_reason() {
    let waits = |reason: &str| {
        let wait = Wait {
            reason: reason.to_owned(),
            message: "pods \"x\" is forbidden: violates PodSecurity".to_owned(),
        };
        with(vec![
            (Step::Prepare, 0, JobState::active(Some(wait))),
            (Step::Prepare, 1, JobState::active(None)),
        ])
    };
    let mut object = object("Preparing", "Preparing");
    let decision = decide(&object, &waits("FailedCreate"), at("07:05:00"));
    let message = decision.status.members[0].message.clone().unwrap();
    assert!(
        message.contains("FailedCreate") && message.contains("PodSecurity"),
        "{message}"
    );
    assert_eq!(decision.status.members[1].message, None);
    assert_eq!(decision.notes.len(), 1);
    object.status = Some(decision.status);
    let again = decide(&object, &waits("FailedCreate"), at("07:05:03"));
    assert!(again.notes.is_empty());
    // A pod that is being made as always is nobody's trouble.
    assert!(
        decide(&object, &waits("ContainerCreating"), at("07:05:03"))
            .notes
            .is_empty()
    );
}

#[test]
fn how_far_a_job_is_is_shown_in_steps_and_goes_with_its_end() {
    let says = |bytes: u64| {
        let said = Said {
            stage: Stage::Receiving,
            bytes,
            total: Some(2000 << 20),
        };
        let state = JobState::Active {
            waits: None,
            said: Some(said),
        };
        with(vec![
            (Step::Prepare, 0, state),
            (Step::Prepare, 1, JobState::active(None)),
        ])
    };
    let mut object = object("Preparing", "Preparing");
    let decision = decide(&object, &says(149 << 20), at("07:05:00"));
    let shown = decision.status.members[0].progress.unwrap();
    assert_eq!(
        (shown.stage, shown.bytes, shown.total),
        (RestoreStage::Receiving, 100 << 20, Some(2000 << 20))
    );
    assert_eq!(decision.status.members[1].progress, None);
    object.status = Some(decision.status.clone());
    let next = decide(&object, &says(199 << 20), at("07:05:03"));
    assert_eq!(
        next.status, decision.status,
        "less than a step is no reason to write"
    );
    // Not heard just now: what is shown stays.
    let silent = with(vec![
        (Step::Prepare, 0, JobState::active(None)),
        (Step::Prepare, 1, JobState::active(None)),
    ]);
    assert_eq!(decide(&object, &silent, at("07:05:06")).status, decision.status);
    let over = with(vec![
        (Step::Prepare, 0, JobState::Complete(None)),
        (Step::Prepare, 1, JobState::active(None)),
    ]);
    assert_eq!(
        decide(&object, &over, at("07:05:09")).status.members[0].progress,
        None
    );
}
