//! Members that are prepared, and what undoes them.

use super::*;

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
