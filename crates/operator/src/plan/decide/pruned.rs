//! What became of the last pruning, in a condition and in words.

use etcd_backup_api::conditions::{backup as kind, reason};
use etcd_backup_api::{EtcdBackup, RetentionCandidate};

use super::view::Pruning;
use crate::plan::timing::Trouble;
use crate::status::{Conditions, Truth};

/// What became of the last pruning.
pub(super) fn retention(
    conditions: &mut Conditions<'_>,
    plan: &EtcdBackup,
    outcome: Option<&Result<Pruning, Trouble>>,
) {
    if plan.spec.retention.is_none() {
        return conditions.set(
            kind::RETENTION_SUCCEEDED,
            Truth::True,
            reason::NO_RETENTION,
            "everything is kept",
        );
    }
    match outcome {
        // It is still about the generation that it was said of.
        None | Some(Ok(Pruning { superseded: true, .. }))
            if conditions.before(kind::RETENTION_SUCCEEDED).is_some() =>
        {
            conditions.keep(kind::RETENTION_SUCCEEDED);
        }
        None | Some(Ok(Pruning { superseded: true, .. })) => {
            let message = "retention is applied after the next success";
            conditions.set(
                kind::RETENTION_SUCCEEDED,
                Truth::Unknown,
                reason::PENDING,
                message,
            );
        }
        Some(Err(trouble)) => {
            conditions.set(
                kind::RETENTION_SUCCEEDED,
                Truth::False,
                &trouble.reason,
                trouble.message.clone(),
            );
        }
        Some(Ok(Pruning {
            failed: Some(trouble),
            removed,
            ..
        })) => {
            let message = format!("{} removed, then: {}", removed.len(), trouble.message);
            conditions.set(kind::RETENTION_SUCCEEDED, Truth::False, &trouble.reason, message);
        }
        Some(Ok(
            pruning @ Pruning {
                held: Some(trouble), ..
            },
        )) => {
            let message = if pruning.dry_run {
                dry_run_message(pruning)
            } else {
                format!(
                    "{} removed, {} kept; {}",
                    pruning.removed.len(),
                    pruning.kept,
                    trouble.message
                )
            };
            conditions.set(kind::RETENTION_SUCCEEDED, Truth::False, &trouble.reason, message);
        }
        Some(Ok(pruning)) if pruning.dry_run => {
            conditions.set(
                kind::RETENTION_SUCCEEDED,
                Truth::True,
                reason::DRY_RUN,
                dry_run_message(pruning),
            );
        }
        Some(Ok(pruning)) => {
            let message = format!("{} kept{}", pruning.kept, locked(pruning));
            conditions.set(kind::RETENTION_SUCCEEDED, Truth::True, reason::SUCCEEDED, message);
        }
    }
}

/// What stays for its lock alone, to be put behind how many stay.
fn locked(pruning: &Pruning) -> String {
    if pruning.locked.is_empty() {
        return String::new();
    }
    let count = pruning.locked.len();
    format!(", {count} of them only for a lock: {}", first_of(&pruning.locked))
}

/// The first five, and how many more there are.
pub(super) fn first_of(candidates: &[RetentionCandidate]) -> String {
    let mut first: Vec<String> = candidates
        .iter()
        .take(5)
        .map(|gone| format!("{} ({})", gone.run_id, gone.why))
        .collect();
    if candidates.len() > first.len() {
        first.push(format!("and {} more", candidates.len() - first.len()));
    }
    first.join(", ")
}

/// What a dry run found, in a sentence.
pub(super) fn dry_run_message(pruning: &Pruning) -> String {
    let would = if pruning.removed.is_empty() {
        "nothing".to_owned()
    } else {
        first_of(&pruning.removed)
    };
    let held = pruning
        .held
        .as_ref()
        .map(|held| format!(" Without it too, {}.", held.message))
        .unwrap_or_default();
    format!(
        "nothing is pruned while the dry-run annotation is there.{held} {} would stay{}; would go: {would}",
        pruning.kept,
        locked(pruning)
    )
}
