//! A snapshot that is over, held against what the store says.

use etcd_backup_api::conditions::reason;
use etcd_backup_api::{EtcdSnapshotStatus, SnapshotPhase};

use super::{Case, Run, RunAction, Store, Stored};
use crate::events::{Note, reason as event};
use crate::listing::lies_elsewhere;
use crate::status::{self, rfc3339};

const ACTION: &str = "CheckStore";

/// Puts right what does not agree with the store. `Failed` stays what it is.
pub(super) fn recheck(case: &mut Case<'_>) {
    if matches!(case.observed.run, Some(Run::Succeeded(_) | Run::Failed { .. })) {
        case.decision.run = RunAction::Forget;
    }
    if case.before.phase == SnapshotPhase::Failed {
        return;
    }
    let Store::Listed {
        since,
        location,
        found,
    } = &case.observed.store
    else {
        return;
    };
    if let Some(found) = found {
        let found = found.clone();
        if case.before.phase == SnapshotPhase::Missing {
            let message = format!("the store has it again: {}", summary(&found));
            case.decision
                .notes
                .push(Note::normal(event::SNAPSHOT_FOUND_AGAIN, ACTION, message));
        }
        return case.succeed(&found);
    }
    if case.before.phase == SnapshotPhase::Missing {
        return;
    }
    // A time in the future was not written by us and protects nothing.
    let ended = case.before.completion_time.filter(|ended| *ended <= case.now);
    let too_new = ended.is_some_and(|ended| ended + status::PRECISION >= *since);
    let object = case.before.object.as_ref();
    if !too_new && !object.is_some_and(|object| lies_elsewhere(&object.url, location)) {
        missing(case);
    }
}

/// The store does not have it any more.
pub(super) fn missing(case: &mut Case<'_>) {
    case.decision.status.phase = SnapshotPhase::Missing;
    case.decision.status.owner = None;
    case.decision.status.progress = None;
    let place = match &case.before.object {
        Some(object) => format!("{} is gone, or its manifest is", object.url),
        None => "the store has no such run".to_owned(),
    };
    case.say(reason::OBJECT_MISSING, place.clone());
    let message =
        format!("{place}. If a lifecycle rule of the bucket removed it, let spec.retention do that instead");
    case.decision
        .notes
        .push(Note::warning(event::SNAPSHOT_MISSING, ACTION, message));
}

/// Makes `status` say what the manifest says.
pub(super) fn fill(status: &mut EtcdSnapshotStatus, stored: &Stored) {
    // Destructured so that a field that is added cannot be forgotten here.
    let Stored {
        run_id,
        started,
        finished,
        degraded,
        corrupt_alarm: _,
        etcd,
        snapshot,
        object,
        verified,
    } = stored;
    status.run_id = Some(run_id.clone());
    status.start_time = Some(*started);
    status.completion_time = Some(*finished);
    status.degraded = *degraded;
    status.etcd = Some(etcd.clone());
    status.snapshot = Some(snapshot.clone());
    status.object = Some(object.clone());
    status.verified.clone_from(verified);
    status.owner = None;
    status.progress = None;
    status.next_attempt = None;
}

/// One line about a stored snapshot.
pub(super) fn summary(stored: &Stored) -> String {
    let revision = stored
        .etcd
        .revision
        .map_or_else(String::new, |revision| format!("revision {revision}, "));
    let degraded = if stored.degraded {
        ", taken without a quorum"
    } else {
        ""
    };
    let corrupt = if stored.corrupt_alarm {
        "; etcd had the alarm CORRUPT: `etcdctl alarm list` names the member to replace, and retention removes nothing meanwhile"
    } else {
        ""
    };
    format!(
        "{revision}{} bytes, taken {} and stored as {}{degraded}{corrupt}",
        stored.snapshot.size,
        rfc3339(stored.started),
        stored.object.url
    )
}
