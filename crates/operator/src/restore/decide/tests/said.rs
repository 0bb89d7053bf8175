//! What is said while a restore cannot go on.

use super::*;

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
            (Step::Prepare, 0, JobState::Active(Some(wait))),
            (Step::Prepare, 1, JobState::Active(None)),
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
