//! A plan that is being deleted. Without the finalizer there is nothing to do: Kubernetes collects its
//! snapshots, and what is in the store stays.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{DeletionPolicy, EtcdBackup, labels};
use kube::ResourceExt;

use super::view::{Decision, Finalizer, Observed, StoreJob, StoreView};
use crate::deletion::{refused_until, told};
use crate::drill::decide as drill;
use crate::events::{Note, reason};
use crate::status::{instant, rfc3339};

const ACTION: &str = "DeletePlan";

/// Removes what the plan stored if it said so, within bounds, and lets it go.
pub(super) fn decide(plan: &EtcdBackup, observed: &Observed, now: DateTime<Utc>) -> Decision {
    let mut status = plan.status.clone().unwrap_or_default();
    let running = status.drill.as_mut().and_then(|drill| drill.running.take());
    let decision = Decision {
        status,
        // What it reads could not be removed.
        drill: drill::Decision {
            work: running.map(|_| drill::Work::Abandon),
            ..drill::Decision::default()
        },
        ..Decision::default()
    };
    if !plan.finalizers().iter().any(|name| name == labels::FINALIZER) {
        return decision;
    }
    if plan.spec.deletion_policy == DeletionPolicy::Retain {
        return Decision {
            finalizer: Some(Finalizer::Remove),
            ..decision
        };
    }
    let asked = plan.metadata.deletion_timestamp.as_ref().map_or(now, instant);
    let settled = settled(asked, observed);
    if let Some(store) = &observed.store
        && active(observed).is_empty()
        && store.since >= settled
        && holds_nothing(store, observed)
    {
        return Decision {
            finalizer: Some(Finalizer::Remove),
            notes: pinned_that_stay(store).into_iter().collect(),
            ..decision
        };
    }
    let give_up = asked + observed.deletion_timeout;
    if now >= give_up {
        let notes = vec![Note::warning(
            reason::LEFT_IN_STORE,
            ACTION,
            what_is_left(plan, observed, asked),
        )];
        return Decision {
            finalizer: Some(Finalizer::Remove),
            notes,
            ..decision
        };
    }
    let wake = active(observed);
    if observed.asking {
        return Decision {
            again: Some(give_up),
            wake,
            ..decision
        };
    }
    let store = observed.store.as_ref();
    if now < settled && store.is_some_and(|store| holds_nothing(store, observed)) {
        return Decision {
            again: Some(settled),
            wake,
            ..decision
        };
    }
    let refusing = store.filter(|store| !holds_nothing(store, observed));
    let answered = refusing.and_then(|store| store.deleted);
    if let Some(until) = refused_until(answered, asked, now) {
        return Decision {
            again: Some(until),
            wake,
            ..decision
        };
    }
    Decision {
        job: Some(StoreJob::DeleteAll),
        again: Some(give_up),
        wake,
        ..decision
    }
}

/// What the store says from then on counts: it has everything that was stored before the deletion was asked for, or by a run that ended
/// after that. Objects hold whole seconds, so that both may have been later in theirs.
fn settled(asked: DateTime<Utc>, observed: &Observed) -> DateTime<Utc> {
    let ended = observed.snapshots.iter().filter_map(|shot| shot.completed);
    ended.fold(asked, DateTime::max) + TimeDelta::seconds(1)
}

/// Whether nothing is left that is to go. What is pinned is not.
fn holds_nothing(store: &StoreView, observed: &Observed) -> bool {
    store.holds.as_ref().is_ok_and(|holds| {
        holds.broken.is_none()
            && holds
                .backups
                .iter()
                .all(|backup| observed.is_pinned(&backup.run_id))
    })
}

/// What is told of what is left when nothing else is.
fn pinned_that_stay(store: &StoreView) -> Option<Note> {
    let holds = store.holds.as_ref().ok()?;
    let first = holds.backups.first()?;
    let message = format!(
        "{} snapshots stay at {}, because they are pinned: the first is {}. To have them removed too, unpin them before the plan is deleted; now delete them by hand if they are not wanted",
        holds.backups.len(),
        holds.location,
        first.run_id
    );
    Some(Note::warning(reason::LEFT_IN_STORE, ACTION, message))
}

/// Runs that are not over must end first: they see that their plan goes.
fn active(observed: &Observed) -> Vec<String> {
    observed
        .snapshots
        .iter()
        .filter(|shot| shot.is_active())
        .map(|shot| shot.name.clone())
        .collect()
}

/// What is told when the store took too long: what is known to be left, and since when that is known.
fn what_is_left(plan: &EtcdBackup, observed: &Observed, asked: DateTime<Utc>) -> String {
    // The status may still name the store before an edit; what is told is told of the one that was asked.
    let asked_at = observed.store.as_ref().and_then(|store| store.place.clone());
    let recorded = || plan.status.as_ref().and_then(|status| status.location.clone());
    let place = asked_at
        .or_else(recorded)
        .unwrap_or_else(|| "its store".to_owned());
    let left = match observed.store.as_ref().map(|store| (store.at, &store.holds)) {
        Some((at, Ok(holds))) => {
            let broken = holds.broken.as_ref().map_or_else(String::new, |(count, _)| {
                format!(" and {count} whose manifests are broken")
            });
            let since = if at < asked {
                ", and it has not answered since"
            } else {
                ""
            };
            format!(
                "{} snapshots{broken} by its listing of {}{since}",
                holds.backups.len(),
                rfc3339(at)
            )
        }
        Some((at, Err(trouble))) => format!(
            "whatever it held, for it could not be listed at {}: {}: {}",
            rfc3339(at),
            trouble.reason,
            trouble.message
        ),
        None => "whatever it held, for it has not answered".to_owned(),
    };
    format!(
        "not everything was removed within {}; left at {place}: {left}. Delete it by hand if it is not wanted",
        told(observed.deletion_timeout)
    )
}
