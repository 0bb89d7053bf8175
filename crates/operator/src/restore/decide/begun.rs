//! A restore is carried out once. That it was begun is written into its metadata: who brings the objects of a cluster back from a
//! backup brings that back too, and the status not. The object would look as one that nobody has begun, and old data would take the
//! place of what the members hold by now.

use etcd_backup_api::{EtcdRestore, RestorePhase, labels};
use kube::ResourceExt;

use crate::jobs::seen::Problem;

/// What the metadata is to say once the restore begins: the UID of the object that began.
pub(in crate::restore) fn mark(restore: &EtcdRestore) -> String {
    let written = restore.annotations().get(labels::BEGUN_AS).cloned();
    written.or_else(|| restore.uid()).unwrap_or_default()
}

/// Whether the metadata says so.
pub(super) fn is_marked(restore: &EtcdRestore) -> bool {
    restore.annotations().contains_key(labels::BEGUN_AS)
}

/// Why the restore must not go on from `phase`, if it was begun before: as another object, or with a status that somebody took away.
pub(super) fn before(restore: &EtcdRestore, phase: RestorePhase) -> Option<Problem> {
    let began = restore.annotations().get(labels::BEGUN_AS)?;
    let create = "nothing is done for it. A StatefulSet that is stopped is for you to scale back. To restore, create an EtcdRestore \
                  with a spec alone";
    if restore.uid().as_ref() != Some(began) {
        return Some(Problem {
            reason: "Copied".to_owned(),
            message: format!(
                "it is a copy of an EtcdRestore that was begun before (UID {began}), or came back with a backup of this cluster's \
                 objects: {create}"
            ),
        });
    }
    matches!(phase, RestorePhase::Pending | RestorePhase::Resolving).then(|| Problem {
        reason: "StatusLost".to_owned(),
        message: format!("it was begun before, and somebody took its status away: {create}"),
    })
}
