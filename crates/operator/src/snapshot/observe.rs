//! What is known about a snapshot. Everything comes from caches of this process; nothing is asked of anybody, but for the plan
//! right before an attempt is claimed.

use std::collections::BTreeSet;
use std::sync::Arc;

use etcd_backup_api::{EtcdBackup, EtcdSnapshot, SnapshotPhase};
use etcd_backup_backup::manifest::Manifest;
use kube::ResourceExt;

use super::decide::{Answered, Observed, Plan, Problem, Run, Store, came_back, found_run_of, run_id_of};
use super::identity::Identity;
use crate::cache::SnapshotObject;
use crate::connect::read_plan;
use crate::context::Context;
use crate::listing::{Answer, part, stored};
use crate::ownership::{belongs, plan_reference};
use crate::plan::timing::{Timing, Trouble};
use crate::runs::RunState;

/// Looks around.
pub(super) fn observe(snapshot: &EtcdSnapshot, context: &Context) -> Observed {
    let (namespace, name) = plan_of(snapshot);
    let cached = context.scope.cache.plan(&namespace, name);
    of_plan(snapshot, plan(snapshot, cached, context), context)
}

/// Looks around, with the plan as it is now.
pub(super) async fn just_read(snapshot: &EtcdSnapshot, context: &Context) -> Observed {
    let (namespace, name) = plan_of(snapshot);
    let plan = match read_plan(&context.shared.client, &namespace, name).await {
        Ok(read) => plan(snapshot, read.map(Arc::new), context),
        Err(failure) => Plan::Unread(Problem {
            reason: failure.reason,
            message: failure.message,
        }),
    };
    Observed {
        just_read: true,
        ..of_plan(snapshot, plan, context)
    }
}

fn of_plan(snapshot: &EtcdSnapshot, plan: Plan, context: &Context) -> Observed {
    let present = match &plan {
        Plan::Present { plan, .. } => Some(&**plan),
        Plan::Missing | Plan::Another | Plan::Unread(_) => None,
    };
    let answer = present.and_then(|plan| context.answer(plan));
    let is_asking = present
        .and_then(ResourceExt::uid)
        .is_some_and(|uid| context.is_asking(&uid));
    let answered = match &answer {
        _ if is_asking => Answered::Awaited,
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
        just_read: false,
        removed,
        shown_by: shown_before(snapshot, present, context),
        answered,
        plan,
        identity: context.shared.identity.clone(),
        stopping: context.is_stopping(),
        deletion_timeout: context.shared.deletion_timeout,
    }
}

/// Namespace and name of the plan that a snapshot is of.
fn plan_of(snapshot: &EtcdSnapshot) -> (String, &str) {
    let owner = plan_reference(snapshot);
    let name = owner.map_or(snapshot.spec.backup_name.as_str(), |owner| owner.name.as_str());
    (snapshot.namespace().unwrap_or_default(), name)
}

/// What the plan that was `found` is to the snapshot.
fn plan(snapshot: &EtcdSnapshot, found: Option<Arc<EtcdBackup>>, context: &Context) -> Plan {
    match (found, plan_reference(snapshot)) {
        (None, None) => Plan::Missing,
        // Owned by one that is gone; a later one of the same name is not it.
        (None, Some(_)) => Plan::Another,
        (Some(plan), Some(owner)) if plan.uid().as_ref() != Some(&owner.uid) => Plan::Another,
        (Some(plan), _) => {
            let trouble = Timing::of(&plan).err().or_else(|| context.refusal(&plan));
            let problem = trouble.map(|Trouble { reason, message }| Problem { reason, message });
            Plan::Present { plan, problem }
        }
    }
}

fn run(snapshot: &EtcdSnapshot, plan: &Plan, answer: Option<&Answer>, context: &Context) -> Option<Run> {
    let state = context.shared.runs.state(&snapshot.uid()?)?;
    Some(match state {
        RunState::Queued { plan: asked } => Run::Queued {
            // What is shown may be older than what was read when it was asked for.
            outdated: matches!(plan, Plan::Present { plan, .. }
                if plan.uid() == asked.uid() && plan.metadata.generation > asked.metadata.generation),
        },
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
        RunState::Done(Ok(taken)) => {
            let (manifest, location) = (&taken.manifest, taken.location.as_deref());
            // Where it was written to, whatever the plan names by now.
            let written = location.map(|at| part(at, &manifest.plan.namespace, &manifest.plan.name));
            let place = written.or_else(|| place(plan, answer));
            Run::Succeeded(Box::new(stored(manifest, place.as_deref())))
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
        Plan::Missing | Plan::Another | Plan::Unread(_) => None,
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
    let back = matches!(plan, Plan::Present { plan, .. } if came_back(snapshot, plan));
    let found = find(snapshot, back, &manifests, context);
    let found = found.map(|manifest| Box::new(stored(manifest, Some(&location))));
    Store::Listed {
        since: answer.since,
        location,
        found,
    }
}

/// The run that a snapshot which came back without its status stands for, as far as the store was listed.
pub(crate) fn run_of_back(
    snapshot: &EtcdSnapshot,
    plan: &EtcdBackup,
    answer: Option<&Answer>,
    context: &Context,
) -> Option<String> {
    if !came_back(snapshot, plan) {
        return None;
    }
    let manifests: Vec<&Manifest> = answer?.manifests()?.collect();
    find(snapshot, true, &manifests, context).map(|manifest| manifest.run_id.to_string())
}

/// The manifest of a snapshot: by its run if that is known, else by what it was taken for, if it was taken or came `back`.
fn find<'a>(
    snapshot: &EtcdSnapshot,
    back: bool,
    manifests: &[&'a Manifest],
    context: &Context,
) -> Option<&'a Manifest> {
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
    let shown = if back && snapshot.spec.pin {
        // Its pin counts also where the store was listed before it came back, and another one shows the same.
        BTreeSet::new()
    } else {
        shown_elsewhere(snapshot, context)
    };
    let mut candidates: Vec<&Manifest> = manifests
        .iter()
        .filter(|manifest| !shown.contains(&manifest.run_id.to_string()))
        .copied()
        .collect();
    candidates.sort_by_key(|manifest| manifest.times.started);
    let wanted = Identity::of(snapshot);
    // Of one that was never tried nothing is stored, unless somebody took its status away.
    candidates.into_iter().find(|manifest| {
        if attempted || back {
            wanted.is(manifest)
        } else {
            wanted.is_named_by(manifest)
        }
    })
}

/// The EtcdSnapshot of the same plan, older than this one, that shows the run which this one was created to show. One that failed
/// shows none, and one of a plan that had this name before is on its way out.
fn shown_before(snapshot: &EtcdSnapshot, plan: Option<&EtcdBackup>, context: &Context) -> Option<String> {
    let phase = |object: &EtcdSnapshot| {
        object
            .status
            .as_ref()
            .map(|status| status.phase)
            .unwrap_or_default()
    };
    if phase(snapshot).is_terminal() && snapshot.metadata.deletion_timestamp.is_none() {
        return None;
    }
    let (run, plan) = (found_run_of(snapshot)?, plan?);
    let age = |object: &EtcdSnapshot| (object.creation_timestamp(), object.uid());
    siblings(snapshot, context)
        .iter()
        .filter_map(|object| object.0.as_ref().ok())
        .filter(|other| belongs(other, plan) && phase(other) != SnapshotPhase::Failed)
        .find(|other| run_id_of(other) == Some(run) && age(other) < age(snapshot))
        .map(ResourceExt::name_any)
}

/// All that name the same plan, itself among them.
fn siblings(snapshot: &EtcdSnapshot, context: &Context) -> Vec<Arc<SnapshotObject>> {
    let namespace = snapshot.namespace().unwrap_or_default();
    context
        .scope
        .cache
        .snapshots_of(&namespace, &snapshot.spec.backup_name)
}

/// Runs that other EtcdSnapshots of the plan show already.
fn shown_elsewhere(snapshot: &EtcdSnapshot, context: &Context) -> BTreeSet<String> {
    let siblings = siblings(snapshot, context);
    let others = siblings.iter().filter_map(|object| object.0.as_ref().ok());
    let others = others.filter(|other| other.uid() != snapshot.uid());
    others
        .filter_map(|other| run_id_of(other).map(str::to_owned))
        .collect()
}
