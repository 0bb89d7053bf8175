//! The conditions of a snapshot: a function of its phase.

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::{reason, snapshot as kind};
use etcd_backup_api::{EtcdSnapshotStatus, SnapshotPhase};

use crate::status::{Conditions, Truth};

/// Sets the conditions that `status` implies. `before` is what the status said.
pub(super) fn set(status: &mut EtcdSnapshotStatus, before: &EtcdSnapshotStatus, now: DateTime<Utc>) {
    let mut conditions = Conditions::new(&before.conditions, status.observed_generation, now);
    let reason = status
        .reason
        .clone()
        .unwrap_or_else(|| reason::PENDING.to_owned());
    let message = status.message.clone().unwrap_or_default();
    let stored = status.phase == SnapshotPhase::Succeeded;
    let failed = status.phase == SnapshotPhase::Failed;
    conditions.set(kind::COMPLETE, Truth::of(stored), &reason, message.clone());
    conditions.set(
        kind::FAILED,
        Truth::of(failed),
        &reason,
        if failed { message.clone() } else { String::new() },
    );
    match (&status.verified, stored) {
        (Some(verified), true) => {
            let message = format!("proved with {:?}", verified.level);
            conditions.set(kind::VERIFIED, Truth::True, reason::SUCCEEDED, message);
        }
        (None, true) => {
            conditions.set(
                kind::VERIFIED,
                Truth::False,
                "Unverified",
                "the manifest records no proof",
            );
        }
        (_, false) => conditions.set(kind::VERIFIED, Truth::Unknown, &reason, ""),
    }
    status.conditions = conditions.finish();
}
