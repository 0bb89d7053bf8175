//! From the first commit to the end.

use super::*;

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
