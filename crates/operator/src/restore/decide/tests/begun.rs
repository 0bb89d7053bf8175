//! A restore is carried out once, whatever becomes of its object.

use super::*;

/// The object that `restore` is after its UID was lost, and its status where `with_status` is false.
fn came_back(restore: &EtcdRestore, with_status: bool) -> EtcdRestore {
    let mut copy = restore.clone();
    copy.metadata.uid = Some("another".to_owned());
    copy.metadata.finalizers = None;
    copy.status = copy.status.filter(|_| with_status);
    copy
}

#[test]
fn what_comes_back_with_a_backup_of_the_clusters_objects_is_not_restored_again() {
    for phase in ["Preparing", "Committing", "Starting", "Succeeded", "Failed"] {
        let begun = object(phase, "Committed");
        let decision = look(&came_back(&begun, false), &quiet());
        assert_eq!(decision.status.phase, RestorePhase::Failed, "{phase}");
        assert_eq!(decision.status.reason.as_deref(), Some("Copied"), "{phase}");
        assert!(decision.actions.is_empty(), "{phase}");
    }
    for phase in ["Preparing", "Undoing", "Committing", "Starting", "Verifying"] {
        let decision = look(&came_back(&object(phase, "Prepared"), true), &quiet());
        assert_eq!(decision.status.reason.as_deref(), Some("Copied"), "{phase}");
        assert!(decision.actions.is_empty(), "{phase}");
    }
}

#[test]
fn a_restore_whose_status_was_taken_away_does_not_begin_again() {
    let mut begun = object("Succeeded", "Committed");
    begun.status = None;
    let decision = look(&begun, &quiet());
    assert_eq!(decision.status.phase, RestorePhase::Failed);
    assert_eq!(decision.status.reason.as_deref(), Some("StatusLost"));
    assert!(decision.actions.is_empty());
}

#[test]
fn that_it_was_begun_is_written_before_the_first_job_and_where_it_ended_without_one() {
    for (phase, finalizer) in [("Preparing", true), ("Failed", false), ("Succeeded", false)] {
        let mut unmarked = object(phase, "Pending");
        unmarked.metadata.annotations = None;
        assert_eq!(look(&unmarked, &quiet()).finalizer, Some(finalizer), "{phase}");
        let mut over = object("Failed", "Pending");
        over.metadata.finalizers = None;
        assert_eq!(look(&over, &quiet()).finalizer, None);
    }
}
