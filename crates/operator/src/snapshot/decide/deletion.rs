//! A snapshot that is being deleted.

use chrono::TimeDelta;
use etcd_backup_api::{DeletionPolicy, labels};
use kube::ResourceExt;

use super::{Answered, Case, Metadata, Plan, Run, RunAction, Store, attempt, run_id_of};
use crate::deletion::{PATIENCE, refused_until};
use crate::events::{Note, reason as event};
use crate::status::instant;

const ACTION: &str = "DeleteSnapshot";

/// Ends its run; with `deletionPolicy: Delete` removes the stored object; then lets it go.
pub(super) fn decide(case: &mut Case<'_>) {
    match case.observed.run {
        Some(Run::Queued | Run::Running { .. }) => case.decision.run = RunAction::Cancel,
        Some(Run::Succeeded(_) | Run::Failed { .. }) => case.decision.run = RunAction::Forget,
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
    if matches!(case.observed.run, Some(Run::Queued | Run::Running { .. })) {
        // It may still write a manifest; what it writes must go too. Its end wakes us.
        case.decision.again = Some(case.now + TimeDelta::seconds(5));
        return;
    }
    let unwatched = case.observed.run.is_none() && attempt::under_way_in_job(case);
    if unwatched && matches!(case.observed.plan, Plan::Present { .. }) && written_run(case).is_none() {
        // Whoever made its Job follows it no longer: it is found first, then ended.
        attempt::submit(case, case.before.attempts.unwrap_or(1), true);
        case.decision.again = Some(case.now + TimeDelta::seconds(5));
        return;
    }
    let wanted = matches!(&case.observed.plan,
        Plan::Present { plan, .. } if plan.spec.deletion_policy == DeletionPolicy::Delete);
    let run_id = written_run(case);
    match run_id {
        Some(run_id) if wanted => remove(case, run_id),
        _ => case.decision.metadata = Some(Metadata::RemoveFinalizer),
    }
}

/// The run whose object has to go, `None` when there is nothing.
fn written_run(case: &Case<'_>) -> Option<String> {
    if let Store::Listed {
        found: Some(found), ..
    } = &case.observed.store
    {
        return Some(found.run_id.clone());
    }
    run_id_of(case.snapshot).map(str::to_owned)
}

fn remove(case: &mut Case<'_>, run_id: String) {
    let asked = case
        .snapshot
        .metadata
        .deletion_timestamp
        .as_ref()
        .map_or(case.now, instant);
    let not_listed =
        matches!(&case.observed.store, Store::Listed { since, found: None, .. } if *since >= asked);
    if case.observed.removed || not_listed {
        case.decision.metadata = Some(Metadata::RemoveFinalizer);
        return;
    }
    let give_up = asked + PATIENCE;
    if case.now >= give_up {
        let place = case
            .before
            .object
            .as_ref()
            .map_or_else(|| format!("run {run_id}"), |object| object.url.clone());
        let message =
            format!("the store did not let go of {place} within an hour: it stays there, delete it by hand");
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
