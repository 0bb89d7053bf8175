//! What is said while a restore cannot go on.

use etcd_backup_api::RestoreStage;

use super::*;
use crate::agent::{Said, Stage};

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
