//! A snapshot that is being deleted. One that is pinned stays until it is not pinned any more, as a volume stays that a pod uses:
//! its object is the only place where the pin is written down.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::conditions::{find, snapshot as kind};
use etcd_backup_api::{Condition, DeletionPolicy, SnapshotPhase, labels};
use kube::ResourceExt;

use super::conditions::Held;
use super::{Answered, Case, Metadata, Plan, Run, RunAction, Store, attempt, claim, found_run_of, run_id_of};
use crate::deletion::{refused_until, told};
use crate::events::{Note, reason as event};
use crate::listing::lies_elsewhere;
use crate::status::{Truth, instant};

const ACTION: &str = "DeleteSnapshot";

/// Ends its run; keeps it for as long as it is pinned; with `deletionPolicy: Delete` removes the stored object; then lets it go.
pub(super) fn decide(case: &mut Case<'_>) {
    match &case.observed.run {
        Some(Run::Queued { .. } | Run::Running { .. }) => case.decision.run = RunAction::Cancel,
        Some(Run::Succeeded(stored)) => {
            // Nobody else knows yet what it stored.
            let stored = stored.clone();
            case.succeed(&stored);
            case.decision.run = RunAction::Forget;
        }
        Some(Run::Failed { .. }) => case.decision.run = RunAction::Forget,
        None => {}
    }
    if !case
        .snapshot
        .finalizers()
        .iter()
        .any(|name| name == labels::FINALIZER)
    {
        return;
    }
    if matches!(case.observed.run, Some(Run::Queued { .. } | Run::Running { .. })) {
        // It may still write a manifest; what it writes must go too. Its end wakes us.
        case.decision.again = Some(case.now + TimeDelta::seconds(5));
        return;
    }
    let unwatched = case.observed.run.is_none() && attempt::under_way_in_job(case);
    if unwatched && matches!(case.observed.plan, Plan::Present { .. }) && written_run(case).is_none() {
        // Whoever made its Job follows it no longer: it is found first, then ended.
        claim::submit(case, case.before.attempts.unwrap_or(1), true);
        case.decision.again = Some(case.now + TimeDelta::seconds(5));
        return;
    }
    let wanted = matches!(&case.observed.plan,
        Plan::Present { plan, .. } if plan.spec.deletion_policy == DeletionPolicy::Delete);
    let run_id = written_run(case);
    if case.snapshot.spec.pin && has_its_plan(case) && (run_id.is_some() || may_have_stored(case)) {
        return stay(case);
    }
    match run_id {
        Some(run_id) if wanted && !is_copy(case) => remove(case, run_id),
        _ => case.decision.metadata = Some(Metadata::RemoveFinalizer),
    }
}

/// Whether its run is another EtcdSnapshot's to remove.
fn is_copy(case: &Case<'_>) -> bool {
    let never_showed = case.before.phase == SnapshotPhase::Failed && found_run_of(case.snapshot).is_some();
    never_showed || case.observed.shown_by.is_some()
}

/// The run whose object has to go, `None` when there is nothing.
fn written_run(case: &Case<'_>) -> Option<String> {
    if let Store::Listed {
        found: Some(found), ..
    } = &case.observed.store
    {
        return Some(found.run_id.clone());
    }
    let recorded = case.decision.status.run_id.clone();
    recorded.or_else(|| run_id_of(case.snapshot).map(str::to_owned))
}

/// Where its object is, if that is another store than the one that was listed, and that has no copy of it.
fn elsewhere(case: &Case<'_>) -> Option<String> {
    let Store::Listed {
        location,
        found: None,
        ..
    } = &case.observed.store
    else {
        return None;
    };
    let url = &case.decision.status.object.as_ref()?.url;
    lies_elsewhere(url, location).then(|| url.clone())
}

/// Whether an attempt began of which nobody knows how it ended, and the store was not asked yet.
fn may_have_stored(case: &Case<'_>) -> bool {
    let unknown = case.before.attempts.is_some() && !case.before.phase.is_terminal();
    unknown && !matches!(case.observed.store, Store::Listed { .. })
}

/// Whether its plan is there and does not go. One that goes is done with the store when it lets go of its finalizer; what an
/// earlier plan stored is removed by none.
fn has_its_plan(case: &Case<'_>) -> bool {
    let Plan::Present { plan, .. } = &case.observed.plan else {
        return false;
    };
    plan.metadata.deletion_timestamp.is_none()
        || plan.finalizers().iter().any(|name| name == labels::FINALIZER)
}

/// It is pinned: it stays, and says so once.
fn stay(case: &mut Case<'_>) {
    let stored = case.decision.status.object.as_ref();
    let place = stored.map_or_else(String::new, |object| format!(", and so does {}", object.url));
    let message = format!(
        "it was deleted and is pinned: it stays{place}, until it is unpinned: kubectl patch etcdsnapshot {} --type merge -p '{{\"spec\":{{\"pin\":false}}}}'",
        case.name()
    );
    if held_before(case).is_none_or(|held| held.status != Truth::True.as_str()) {
        case.decision
            .notes
            .push(Note::warning(event::KEPT_PINNED, ACTION, message.clone()));
    }
    case.held = Some(Held::Pinned(message));
}

fn held_before<'a>(case: &Case<'a>) -> Option<&'a Condition> {
    let before = case.snapshot.status.as_ref()?;
    find(&before.conditions, kind::DELETION_HELD)
}

/// When the removal was asked for: by the deletion, or by the end of the pin that it waited for.
fn asked_at(case: &mut Case<'_>) -> DateTime<Utc> {
    let deleted = case.snapshot.metadata.deletion_timestamp.as_ref();
    let deleted = deleted.map_or(case.now, instant);
    let Some(held) = held_before(case) else {
        return deleted;
    };
    case.held = Some(Held::NoLonger);
    if held.status == Truth::False.as_str() {
        instant(&held.last_transition_time).max(deleted)
    } else {
        case.now
    }
}

fn remove(case: &mut Case<'_>, run_id: String) {
    let asked = asked_at(case);
    if let Some(url) = elsewhere(case) {
        let message = format!(
            "{url} is in a store that the plan does not name any more, where nothing is removed for it: it stays there, delete it by hand"
        );
        case.decision
            .notes
            .push(Note::warning(event::LEFT_IN_STORE, ACTION, message));
        case.decision.metadata = Some(Metadata::RemoveFinalizer);
        return;
    }
    let not_listed =
        matches!(&case.observed.store, Store::Listed { since, found: None, .. } if *since >= asked);
    if case.observed.removed || not_listed {
        case.decision.metadata = Some(Metadata::RemoveFinalizer);
        return;
    }
    let give_up = asked + case.observed.deletion_timeout;
    if case.now >= give_up {
        let place = case
            .before
            .object
            .as_ref()
            .map_or_else(|| format!("run {run_id}"), |object| object.url.clone());
        let message = format!(
            "the store did not let go of {place} within {}: it stays there, delete it by hand",
            told(case.observed.deletion_timeout)
        );
        case.decision
            .notes
            .push(Note::warning(event::LEFT_IN_STORE, ACTION, message));
        case.decision.metadata = Some(Metadata::RemoveFinalizer);
        return;
    }
    let answered = match case.observed.answered {
        Answered::Awaited => {
            case.decision.again = Some(give_up);
            return;
        }
        Answered::At(at) => Some(at),
        Answered::Never => None,
    };
    if let Some(until) = refused_until(answered, asked, case.now) {
        case.decision.again = Some(give_up.min(until));
    } else {
        case.decision.remove_stored = Some(run_id);
        case.decision.again = Some(give_up);
    }
}
