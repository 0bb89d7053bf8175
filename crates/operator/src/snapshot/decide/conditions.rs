//! The conditions of a snapshot: a function of its phase.

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::{reason, snapshot as kind};
use etcd_backup_api::{EtcdSnapshotStatus, SnapshotPhase};

use crate::status::{Conditions, Truth};

/// Whether a deletion waits for a pin, as far as that was a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// Since it is pinned.
    Pinned(String),
    /// It did, until the pin was taken away.
    NoLonger,
}

/// Sets the conditions that `status` implies, and whether a deletion is `held`. `before` is what the status said.
pub(super) fn set(
    status: &mut EtcdSnapshotStatus,
    before: &EtcdSnapshotStatus,
    held: Option<&Held>,
    now: DateTime<Utc>,
) {
    let mut conditions = Conditions::new(&before.conditions, status.observed_generation, now);
    let why = status
        .reason
        .clone()
        .unwrap_or_else(|| reason::PENDING.to_owned());
    let message = status.message.clone().unwrap_or_default();
    let stored = status.phase == SnapshotPhase::Succeeded;
    let failed = status.phase == SnapshotPhase::Failed;
    conditions.set(kind::COMPLETE, Truth::of(stored), &why, message.clone());
    conditions.set(
        kind::FAILED,
        Truth::of(failed),
        &why,
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
        (_, false) => conditions.set(kind::VERIFIED, Truth::Unknown, &why, ""),
    }
    match held {
        Some(Held::Pinned(message)) => {
            conditions.set(kind::DELETION_HELD, Truth::True, reason::PINNED, message.clone());
        }
        Some(Held::NoLonger) => conditions.set(kind::DELETION_HELD, Truth::False, reason::UNPINNED, ""),
        None => conditions.keep(kind::DELETION_HELD),
    }
    status.conditions = conditions.finish();
}
