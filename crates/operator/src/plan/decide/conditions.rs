//! The conditions of a plan, each from what is known about it. What became of pruning is told in `pruned`.

use etcd_backup_api::conditions::{backup as kind, reason};
use etcd_backup_api::{Condition, EtcdBackup, LastSuccess, SnapshotPhase};

use super::due::Slots;
use super::freshness::Freshness;
use super::view::{Holdings, Observed, Shot};
use crate::drill::decide::Verdict;
use crate::plan::timing::Trouble;
use crate::status::{Conditions, Truth, rfc3339};

/// Reasons by which the store says that the specification, or a Secret that it names, is at fault. Those in quotes are its own.
const SPEC_AT_FAULT: [&str; 8] = [
    reason::SECRET_NOT_FOUND,
    reason::INVALID_SECRET,
    reason::INVALID_SPEC,
    reason::PREFIX_IN_USE,
    "AmbientCredentialsRefused",
    "InvalidConfig",
    "LocalPathRefused",
    "EndpointRefused",
];

/// The one reason why what etcd needs cannot be used that is no fault of the plan: the API server does not give a Secret.
const SECRET_UNAVAILABLE: &str = "SecretUnavailable";

/// What is said of a store that cannot create only.
const LOOKS_FIRST: &str = "it answers; it does not refuse to create where something is (If-None-Match), so before each write we look: \
                           let no other operator write to this prefix";

/// What is said until the store was asked; and if it was bad before, so that it can be told when it is good.
const STORE_UNASKED: [&str; 2] = [
    "the store has not been asked yet",
    "the store has not been asked yet; before the last edit it could not be read",
];

/// The same of its newest snapshot.
const NEWEST_UNKNOWN: [&str; 2] = [
    "the store has not been asked yet for its newest snapshot",
    "the store has not been asked yet for its newest snapshot; before the last edit backups were overdue",
];

/// Which of the two holds for `kind`.
fn since_bad<'a>(conditions: &Conditions<'_>, kind: &str, [plain, bad]: [&'a str; 2]) -> &'a str {
    if conditions.before(kind).is_some_and(was_bad) {
        bad
    } else {
        plain
    }
}

/// Whether it was bad when something was known about it last.
pub(super) fn was_bad(before: &Condition) -> bool {
    let waits = [STORE_UNASKED, NEWEST_UNKNOWN]
        .iter()
        .any(|[_, bad]| before.message == *bad);
    before.status == Truth::False.as_str() || waits
}

/// The specification, and the Secrets that it names.
pub(super) fn accepted(conditions: &mut Conditions<'_>, invalid: Option<&Trouble>, observed: &Observed) {
    let store = observed
        .store
        .as_ref()
        .and_then(|store| store.holds.as_ref().err())
        .filter(|trouble| SPEC_AT_FAULT.contains(&trouble.reason.as_str()));
    let etcd = observed
        .etcd
        .as_ref()
        .and_then(|looked| looked.as_ref().err())
        .filter(|trouble| trouble.reason != SECRET_UNAVAILABLE);
    let at_fault = store.or(etcd);
    match invalid.or(at_fault) {
        Some(trouble) => conditions.set(
            kind::ACCEPTED,
            Truth::False,
            &trouble.reason,
            trouble.message.clone(),
        ),
        None if observed.store.is_none() || observed.etcd.is_none() => {
            let message = "what the specification names has not been looked at yet";
            conditions.await_answer(kind::ACCEPTED, reason::CHECKING, message);
        }
        None => conditions.set(
            kind::ACCEPTED,
            Truth::True,
            reason::ACCEPTED,
            "the specification makes sense",
        ),
    }
}

/// Whether the store could be read.
pub(super) fn store_reachable(conditions: &mut Conditions<'_>, observed: &Observed) {
    match observed.store.as_ref().map(|store| &store.holds) {
        None => {
            let message = since_bad(conditions, kind::STORE_REACHABLE, STORE_UNASKED);
            conditions.await_answer(kind::STORE_REACHABLE, reason::CHECKING, message);
        }
        Some(Ok(Holdings {
            broken: Some((count, first)),
            ..
        })) => {
            let message = format!("it answers, but {count} of its manifests are broken, the first: {first}");
            conditions.set(kind::STORE_REACHABLE, Truth::True, "BrokenBackups", message);
        }
        Some(Ok(_)) => {
            let message = if observed.looks_first {
                LOOKS_FIRST
            } else {
                "it answers"
            };
            conditions.set(kind::STORE_REACHABLE, Truth::True, reason::SUCCEEDED, message);
        }
        Some(Err(trouble)) => {
            conditions.set(
                kind::STORE_REACHABLE,
                Truth::False,
                &trouble.reason,
                trouble.message.clone(),
            );
        }
    }
}

/// How the last run ended that is over.
pub(super) fn last_run(conditions: &mut Conditions<'_>, last: Option<&Shot>, success: Option<&LastSuccess>) {
    match last {
        Some(shot) if shot.phase == SnapshotPhase::Failed => {
            let why = shot.reason.as_deref().unwrap_or(reason::FAILED);
            let message = format!(
                "{}: {}",
                shot.name,
                shot.message.as_deref().unwrap_or("no reason is recorded")
            );
            conditions.set(kind::LAST_RUN_SUCCEEDED, Truth::False, why, message);
        }
        Some(shot) => {
            let message = format!("{} is stored", shot.name);
            conditions.set(kind::LAST_RUN_SUCCEEDED, Truth::True, reason::SUCCEEDED, message);
        }
        None => match success {
            Some(success) => {
                let message = format!("{} is stored", success.snapshot);
                conditions.set(kind::LAST_RUN_SUCCEEDED, Truth::True, reason::SUCCEEDED, message);
            }
            None => conditions.set(
                kind::LAST_RUN_SUCCEEDED,
                Truth::Unknown,
                reason::NO_RUN_YET,
                "no run is over",
            ),
        },
    }
}

/// Whether the newest verified backup is young enough. A young one in a store that the plan named before does not count, and as
/// long as nothing of the new one is `known` neither is another; that there is none shall be heard all the same.
pub(super) fn fresh(conditions: &mut Conditions<'_>, freshness: &Freshness, known: bool) {
    let before = conditions.before(kind::FRESH);
    let waits = before.is_some_and(|before| before.reason == reason::CHECKING);
    let unknown = conditions.is(kind::STORE_REACHABLE, Truth::Unknown) || waits && !known;
    if freshness.truth == Truth::True && unknown {
        let message = since_bad(conditions, kind::FRESH, NEWEST_UNKNOWN);
        return conditions.set(kind::FRESH, Truth::Unknown, reason::CHECKING, message);
    }
    conditions.set(
        kind::FRESH,
        freshness.truth,
        freshness.reason,
        freshness.message.clone(),
    );
}

/// What the drills say, where there are any.
pub(super) fn restorable(conditions: &mut Conditions<'_>, verdict: Option<&Verdict>) {
    if let Some(verdict) = verdict {
        conditions.set(
            kind::RESTORABLE,
            verdict.truth,
            &verdict.reason,
            verdict.message.clone(),
        );
    }
}

/// The summary: the one to look at first. Names the most basic thing that is wrong.
pub(super) fn ready(
    conditions: &mut Conditions<'_>,
    plan: &EtcdBackup,
    slots: &Slots,
    taken: Option<&str>,
    success: Option<&LastSuccess>,
) {
    let wrong = [
        kind::ACCEPTED,
        kind::STORE_REACHABLE,
        kind::LAST_RUN_SUCCEEDED,
        kind::FRESH,
        kind::RESTORABLE,
    ];
    let wrong = wrong.iter().find(|kind| conditions.is(kind, Truth::False));
    if let Some(wrong) = wrong.and_then(|kind| conditions.decided(kind)).cloned() {
        return conditions.set(kind::READY, Truth::False, &wrong.reason, wrong.message);
    }
    if let Some(name) = taken {
        let message = format!(
            "the name {name} is taken by an EtcdSnapshot that is not this plan's: delete or rename it"
        );
        return conditions.set(kind::READY, Truth::False, "NameTaken", message);
    }
    let awaited = [kind::ACCEPTED, kind::STORE_REACHABLE];
    let awaited = awaited.iter().find(|kind| conditions.is(kind, Truth::Unknown));
    if let Some(awaited) = awaited.and_then(|kind| conditions.decided(kind)).cloned() {
        return conditions.set(kind::READY, Truth::Unknown, &awaited.reason, awaited.message);
    }
    let last = match success {
        Some(success) => format!(
            "last snapshot: {}, revision {}",
            success.snapshot, success.revision
        ),
        None => "no snapshot yet".to_owned(),
    };
    if plan.spec.suspend {
        return conditions.set(
            kind::READY,
            Truth::True,
            reason::SUSPENDED,
            format!("suspended; {last}"),
        );
    }
    match (success, slots.next) {
        (None, Some(next)) => {
            let next = rfc3339(next);
            conditions.set(
                kind::READY,
                Truth::True,
                reason::NO_RUN_YET,
                format!("{last}, the first at {next}"),
            );
        }
        (None, None) => conditions.set(kind::READY, Truth::True, reason::NO_RUN_YET, last),
        (Some(_), _) => conditions.set(kind::READY, Truth::True, reason::SUCCEEDED, last),
    }
}
