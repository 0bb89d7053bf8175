//! What is known about a snapshot. Everything comes from caches of this process; nothing is asked of anybody.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdSnapshot;
use etcd_backup_backup::manifest::{self, Manifest};
use kube::ResourceExt;

use super::decide::{Answered, Observed, Plan, Problem, Run, Store, run_id_of, slot_of};
use crate::context::Context;
use crate::listing::{Answer, stored};
use crate::ownership::plan_reference;
use crate::plan::timing::Timing;
use crate::runs::RunState;

/// How far the beginning of a run, as its status has it, and the time in its manifest may be apart where the manifest
/// does not name its EtcdSnapshot. Both are taken from one clock within moments.
const SAME_RUN: TimeDelta = TimeDelta::minutes(1);

/// Looks around.
pub(super) fn observe(snapshot: &EtcdSnapshot, context: &Context) -> Observed {
    let plan = plan(snapshot, context);
    let uid = match &plan {
        Plan::Present { plan, .. } => plan.uid().unwrap_or_default(),
        Plan::Missing | Plan::Another => String::new(),
    };
    let answer = context.answer(&uid);
    let answered = match &answer {
        _ if context.is_asking(&uid) => Answered::Awaited,
        Some(answer) => answer.deleted_at().map_or(Answered::Never, Answered::At),
        None => Answered::Never,
    };
    let removed = answer
        .as_ref()
        .zip(run_id_of(snapshot))
        .is_some_and(|(answer, run)| answer.removed(run));
    Observed {
        run: run(snapshot, &plan, answer.as_ref(), context),
        store: store(snapshot, &plan, answer.as_ref(), context),
        removed,
        answered,
        plan,
        identity: context.shared.identity.clone(),
        stopping: context.is_stopping(),
    }
}

fn plan(snapshot: &EtcdSnapshot, context: &Context) -> Plan {
    let namespace = snapshot.namespace().unwrap_or_default();
    let owner = plan_reference(snapshot);
    let name = owner.map_or(snapshot.spec.backup_name.as_str(), |owner| owner.name.as_str());
    match (context.scope.cache.plan(&namespace, name), owner) {
        (None, None) => Plan::Missing,
        // Owned by one that is gone; a later one of the same name is not it.
        (None, Some(_)) => Plan::Another,
        (Some(plan), Some(owner)) if plan.uid().as_ref() != Some(&owner.uid) => Plan::Another,
        (Some(plan), _) => {
            let refused = || {
                let (reason, message) = context.refusal(&plan)?;
                Some((reason.to_owned(), message.to_owned()))
            };
            let invalid = Timing::of(&plan).err();
            let problem = invalid
                .map(|trouble| (trouble.reason, trouble.message))
                .or_else(refused);
            let problem = problem.map(|(reason, message)| Problem { reason, message });
            Plan::Present { plan, problem }
        }
    }
}

fn run(snapshot: &EtcdSnapshot, plan: &Plan, answer: Option<&Answer>, context: &Context) -> Option<Run> {
    let state = context.shared.runs.state(&snapshot.uid()?)?;
    Some(match state {
        RunState::Queued => Run::Queued,
        RunState::Running { started, progress } => {
            let now = progress.now();
            Run::Running {
                started,
                bytes: now.read,
                total: now.total,
                waits: context.shared.waits.of(&snapshot.uid()?).map(|wait| Problem {
                    reason: wait.reason,
                    message: wait.message,
                }),
            }
        }
        RunState::Done(Ok(manifest)) => {
            Run::Succeeded(Box::new(stored(&manifest, place(plan, answer).as_deref())))
        }
        RunState::Done(Err(failure)) => Run::Failed {
            problem: Problem {
                reason: failure.reason,
                message: failure.message,
            },
            transient: failure.transient,
        },
    })
}

fn place(plan: &Plan, answer: Option<&Answer>) -> Option<String> {
    match plan {
        Plan::Present { plan, .. } => answer.and_then(|answer| answer.place(plan)),
        Plan::Missing | Plan::Another => None,
    }
}

fn store(snapshot: &EtcdSnapshot, plan: &Plan, answer: Option<&Answer>, context: &Context) -> Store {
    let Some(answer) = answer else {
        return Store::Unknown;
    };
    let place = place(plan, Some(answer));
    let (Some(manifests), Some(location)) = (answer.manifests(), place) else {
        return Store::Unreadable;
    };
    let manifests: Vec<&Manifest> = manifests.collect();
    let found = find(snapshot, &manifests, context);
    let found = found.map(|manifest| Box::new(stored(manifest, Some(&location))));
    Store::Listed {
        since: answer.since,
        location,
        found,
    }
}

/// The manifest of a snapshot: by its run if that is known, else by what it was taken for.
fn find<'a>(snapshot: &EtcdSnapshot, manifests: &[&'a Manifest], context: &Context) -> Option<&'a Manifest> {
    if let Some(run) = run_id_of(snapshot) {
        return manifests
            .iter()
            .find(|manifest| manifest.run_id.to_string() == run)
            .copied();
    }
    let attempted = snapshot
        .status
        .as_ref()
        .is_some_and(|status| status.attempts.is_some());
    if !attempted {
        return None;
    }
    let shown = shown_elsewhere(snapshot, context);
    let mut candidates: Vec<&Manifest> = manifests
        .iter()
        .filter(|manifest| !shown.contains(&manifest.run_id.to_string()))
        .copied()
        .collect();
    candidates.sort_by_key(|manifest| manifest.times.started);
    let wanted = Wanted::of(snapshot);
    candidates.into_iter().find(|manifest| wanted.is(manifest))
}

/// What identifies the manifest of a snapshot whose run is not known.
struct Wanted {
    uid: Option<String>,
    slot: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
}

impl Wanted {
    fn of(snapshot: &EtcdSnapshot) -> Self {
        let started = snapshot.status.as_ref().and_then(|status| status.start_time);
        Self {
            uid: snapshot.uid(),
            slot: slot_of(snapshot),
            started,
        }
    }

    fn is(&self, manifest: &Manifest) -> bool {
        match (self.slot, &manifest.etcd_snapshot, self.started) {
            (Some(slot), _, _) => manifest.times.scheduled == Some(slot),
            (None, Some(object), _) => self.uid.as_ref() == Some(&object.uid),
            // Of a version that did not record it.
            (None, None, Some(started)) => {
                let apart = manifest.times.started - started;
                manifest.trigger == manifest::Trigger::Manual
                    && apart >= TimeDelta::seconds(-1)
                    && apart <= SAME_RUN
            }
            (None, None, None) => false,
        }
    }
}

/// Runs that other EtcdSnapshots of the plan show already.
fn shown_elsewhere(snapshot: &EtcdSnapshot, context: &Context) -> BTreeSet<String> {
    let namespace = snapshot.namespace().unwrap_or_default();
    let siblings = context
        .scope
        .cache
        .snapshots_of(&namespace, &snapshot.spec.backup_name);
    let others = siblings.iter().filter_map(|object| object.0.as_ref().ok());
    let others = others.filter(|other| other.uid() != snapshot.uid());
    others
        .filter_map(|other| run_id_of(other).map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    /// A manual snapshot whose status names the beginning of a run and not the run.
    fn snapshot(uid: &str) -> EtcdSnapshot {
        serde_json::from_value(json!({
            "metadata": {"name": "before-upgrade", "namespace": "ns", "uid": uid}, "spec": {"backupName": "prod"},
            "status": {"phase": "Running", "attempts": 1, "startTime": "2026-11-23T06:00:00Z"},
        }))
        .unwrap()
    }

    /// What a run wrote, for the EtcdSnapshot of this UID if the version recorded it.
    fn manifest(uid: Option<&str>) -> Manifest {
        fixtures::manifest(uid.map(|uid| ("before-upgrade", uid)))
    }

    #[test]
    fn a_manifest_that_names_its_snapshot_is_that_ones_whenever_the_run_began() {
        let wanted = Wanted::of(&snapshot("one"));
        assert!(wanted.is(&manifest(Some("one"))));
        let mut later = manifest(Some("one"));
        later.times.started += TimeDelta::hours(1);
        assert!(wanted.is(&later));
        assert!(
            !wanted.is(&manifest(Some("another"))),
            "of the same name and time, but not it"
        );
    }

    #[test]
    fn a_manifest_of_an_older_version_is_found_by_the_time_its_run_began() {
        let wanted = Wanted::of(&snapshot("one"));
        assert!(wanted.is(&manifest(None)));
        let mut later = manifest(None);
        later.times.started += TimeDelta::hours(1);
        assert!(!wanted.is(&later));
    }
}
