//! The conditions of a restore: a function of its phase.

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::{reason, restore as kind};
use etcd_backup_api::{EtcdRestoreStatus, RestorePhase};

use crate::status::{Conditions, Truth};

/// Sets the conditions that `status` implies. `before` is what the status said.
pub(super) fn set(status: &mut EtcdRestoreStatus, before: &EtcdRestoreStatus, now: DateTime<Utc>) {
    let mut conditions = Conditions::new(&before.conditions, status.observed_generation, now);
    let reason = status
        .reason
        .clone()
        .unwrap_or_else(|| reason::PENDING.to_owned());
    let mut message = status.message.clone().unwrap_or_default();
    // For as long as the object is there: whoever starts etcd on it must see it.
    if let Some(warning) = &status.warning {
        message = format!("{message}. Warning: {warning}");
    }
    let phase = status.phase;
    conditions.set(
        kind::COMPLETE,
        Truth::of(phase == RestorePhase::Succeeded),
        &reason,
        message.clone(),
    );
    conditions.set(
        kind::FAILED,
        Truth::of(phase == RestorePhase::Failed),
        &reason,
        message.clone(),
    );
    let progressing = !phase.is_terminal() && phase != RestorePhase::Pending;
    conditions.set(kind::PROGRESSING, Truth::of(progressing), &reason, message);
    status.conditions = conditions.finish();
}
