//! Which snapshot, and who may begin.

use super::*;
use crate::events::reason as event;

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
fn a_revision_that_the_snapshot_cannot_go_back_to_is_refused_before_anything_is_done() {
    let observed = Observed {
        source: found(false),
        ..quiet()
    };
    for (revision, phase) in [
        (3, RestorePhase::Failed),
        (4, RestorePhase::Preparing),
        (9, RestorePhase::Preparing),
        (10, RestorePhase::Failed),
    ] {
        let decision = look(&restore(json!({"spec": {"revision": revision}})), &observed);
        assert_eq!(decision.status.phase, phase, "{revision}");
        if phase == RestorePhase::Failed {
            assert_eq!(decision.status.reason.as_deref(), Some("RevisionOutOfWindow"));
            let message = decision.status.message.unwrap_or_default();
            assert!(message.contains("from 4 to 9"), "{message}");
        }
    }
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
fn a_doubtful_snapshot_is_told_as_it_is_pinned_and_for_as_long_as_the_restore_is_there() {
    let doubt = "the backup run-1 is degraded";
    let Errand::Done {
        at,
        answer: Ok(found),
    } = found(false)
    else {
        panic!("nothing was found");
    };
    let found = Resolved {
        warning: Some(doubt.to_owned()),
        ..found
    };
    let observed = Observed {
        source: Errand::Done {
            at,
            answer: Ok(found),
        },
        ..quiet()
    };
    let restore = restore(json!({"status": {"phase": "Resolving"}}));
    let decision = look(&restore, &observed);
    assert_eq!(decision.status.phase, RestorePhase::Preparing);
    assert_eq!(decision.status.warning.as_deref(), Some(doubt));
    let warned =
        |note: &crate::events::Note| note.reason == event::RESTORE_SOURCE_DOUBTFUL && note.message == doubt;
    assert!(decision.notes.iter().any(warned));

    let mut later = object("Verifying", "Committed");
    later.status.as_mut().unwrap().warning = Some(doubt.to_owned());
    let decision = look(&later, &quiet());
    assert!(
        decision
            .status
            .conditions
            .iter()
            .all(|condition| condition.message.contains(doubt)),
        "{:?}",
        decision.status.conditions
    );
}
