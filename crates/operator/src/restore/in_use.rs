//! Which stored snapshots are being restored, in earnest or in a drill: nobody may remove them meanwhile.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;

use crate::cache::RestoreObject;

/// The run that each unfinished restore or drill reads, by the UID of the restore or of the plan.
///
/// It is fed twice: by the look-up of a source, before it is known to anybody else, and by the watch of restores, so that a
/// new leader knows too.
#[derive(Debug, Default)]
pub struct InUse(Mutex<HashMap<String, String>>);

impl InUse {
    /// The restore, or the plan's drill, reads this run from now on.
    pub fn hold(&self, uid: &str, run_id: &str) {
        self.lock().insert(uid.to_owned(), run_id.to_owned());
    }

    /// It reads nothing any more.
    pub fn release(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Whether anybody reads this run.
    pub fn holds(&self, run_id: &str) -> bool {
        self.lock().values().any(|held| held == run_id)
    }

    /// What the object says: while it is unfinished its source is held, afterwards not.
    pub(crate) fn follow(&self, object: &RestoreObject) {
        let uid = object.uid().unwrap_or_default();
        // One that cannot be understood keeps what it holds: it may be under way all the same.
        let Ok(restore) = &object.0 else { return };
        let Some(status) = &restore.status else { return };
        if status.phase.is_terminal() {
            self.release(&uid);
        } else if let Some(source) = &status.source {
            self.hold(&uid, &source.run_id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use serde_json::json;

    use super::*;
    use crate::fixtures::restore;

    fn seen(status: &serde_json::Value) -> RestoreObject {
        DeserializeGuard(Ok(restore(json!({"status": status}))))
    }

    fn pinned() -> serde_json::Value {
        json!({
            "url": "s3://b/k", "key": "k", "storage": {"local": {"path": "/b"}}, "runID": "run-1", "sha256": "",
            "size": 1, "snapshotSize": 1, "snapshotSHA256": "", "revision": 1, "clusterID": "1", "taken": "2026-11-23T06:00:00Z",
        })
    }

    #[test]
    fn a_source_is_held_until_its_restore_is_over() {
        let in_use = InUse::default();
        in_use.follow(&seen(&json!({"phase": "Resolving"})));
        assert!(!in_use.holds("run-1"));
        in_use.follow(&seen(&json!({"phase": "Preparing", "source": pinned()})));
        assert!(in_use.holds("run-1") && !in_use.holds("run-2"));
        in_use.follow(&seen(&json!({"phase": "Failed", "source": pinned()})));
        assert!(!in_use.holds("run-1"));
    }

    #[test]
    fn a_source_is_held_by_each_restore_that_reads_it() {
        let in_use = InUse::default();
        in_use.hold("a", "run-1");
        in_use.hold("b", "run-1");
        in_use.release("a");
        assert!(in_use.holds("run-1"));
        in_use.release("b");
        assert!(!in_use.holds("run-1"));
    }
}
