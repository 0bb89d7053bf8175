//! What is known about a plan. Everything comes from caches of this process; nothing is asked of anybody.

use chrono::{DateTime, Utc};
use etcd_backup_api::{
    EtcdBackup, EtcdSnapshot, EtcdSnapshotStatus, RetentionCandidate, SnapshotPhase, Verification, labels,
};
use etcd_backup_backup::manifest::Manifest;
use etcd_backup_backup::retention::{Candidate, Standing};
use etcd_backup_store::CreateOnly;
use kube::ResourceExt;

use super::decide::{Backup, Holdings, Observed, Pruning, Shot, StoreView, Whereabouts, spec_changed};
use super::timing::Trouble;
use crate::connect::Failure;
use crate::context::Context;
use crate::drill::decide as drill;
use crate::listing::{Answer, lies_elsewhere};
use crate::ownership::belongs;
use crate::restore::resolve::pinned;
use crate::snapshot::decide::{COPIED, run_id_of, slot_of};
use crate::snapshot::run_of_back;
use crate::status::instant;
use crate::upkeep::{Refusal, Removal, RetentionOutcome};

/// Looks around.
pub(super) fn observe(plan: &EtcdBackup, context: &Context) -> Observed {
    let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
    let uid = plan.uid().unwrap_or_default();
    let cache = &context.scope.cache;
    let answer = context.answer(plan);
    let place = answer.as_ref().and_then(|answer| answer.place(plan));
    let objects = cache.snapshots_of(&namespace, &name);
    let ours = objects.iter().filter_map(|object| object.0.as_ref().ok());
    let snapshots: Vec<Shot> = ours
        .filter(|snapshot| belongs(snapshot, plan))
        .map(|snapshot| {
            let mut shot = shot(snapshot, place.as_deref());
            shot.run_id = shot
                .run_id
                .or_else(|| run_of_back(snapshot, plan, answer.as_ref(), context));
            shot
        })
        .collect();
    let mut foreign = cache.names_like(&namespace, &name);
    for snapshot in &snapshots {
        foreign.remove(&snapshot.name);
    }
    let asking = context.is_asking(&uid);
    let drill = drill::Observed {
        newest: answer
            .as_ref()
            .and_then(|answer| newest(plan, answer, &snapshots, context.now())),
        settled: answer.is_some() && !asking && !spec_changed(plan),
        ..drills(plan, context)
    };
    Observed {
        snapshots,
        foreign,
        etcd: answer.as_ref().and_then(|answer| etcd(plan, answer)),
        looks_first: answer
            .as_ref()
            .is_some_and(|answer| answer.result.found.create_only == Some(CreateOnly::Checked)),
        store: answer.map(|answer| store_view(plan, &answer)),
        asking,
        resync: context.shared.resync,
        deletion_timeout: context.shared.deletion_timeout,
        drill,
        refused: context.refusal(plan),
    }
}

/// What is known of the Jobs of a plan's drills.
fn drills(plan: &EtcdBackup, context: &Context) -> drill::Observed {
    let uid = plan.uid().unwrap_or_default();
    let running = plan
        .status
        .as_ref()
        .and_then(|status| status.drill.as_ref()?.running.as_ref());
    let drills = &context.shared.drills;
    drill::Observed {
        enabled: context.shared.job_policy.jobs,
        asking: drills.is_asking(&uid),
        seen: running.and_then(|running| drills.seen(&uid, &running.job)),
        ..drill::Observed::default()
    }
}

/// The newest snapshot that the store listed, for drills.
fn newest(
    plan: &EtcdBackup,
    answer: &Answer,
    snapshots: &[Shot],
    now: DateTime<Utc>,
) -> Option<drill::Newest> {
    if plan.spec.verification != Verification::Restore {
        return None;
    }
    let newest = answer.result.found.catalogue.as_ref().ok()?.newest(now)?;
    let location = answer.result.found.location.as_deref().unwrap_or_default();
    let source = pinned(newest, location, &plan.spec.storage, None);
    let shown = snapshots
        .iter()
        .find(|shot| shot.shows() == Some(&*source.run_id));
    Some(drill::Newest {
        snapshot: shown.map_or_else(|| source.run_id.clone(), |shot| shot.name.clone()),
        source,
    })
}

/// An EtcdSnapshot as its plan sees it, whose store was listed at `place`.
fn shot(snapshot: &EtcdSnapshot, place: Option<&str>) -> Shot {
    let status = snapshot.status.clone().unwrap_or_default();
    let trigger = snapshot.annotations().get(labels::TRIGGER).map(String::as_str);
    // A copy took nothing either.
    let copy = status.phase == SnapshotPhase::Failed && status.reason.as_deref() == Some(COPIED);
    let found = copy || trigger == Some(labels::trigger::CATALOGUE);
    Shot {
        name: snapshot.name_any(),
        phase: status.phase,
        reason: status.reason.clone(),
        message: status.message.clone(),
        slot: slot_of(snapshot),
        found,
        run_id: run_id_of(snapshot).map(str::to_owned),
        created: snapshot
            .creation_timestamp()
            .as_ref()
            .map(instant)
            .unwrap_or_default(),
        started: status.start_time,
        completed: status.completion_time,
        pinned: snapshot.spec.pin,
        deleting: snapshot.metadata.deletion_timestamp.is_some(),
        whereabouts: whereabouts(&status, place),
        backup: (status.phase == SnapshotPhase::Succeeded)
            .then(|| backup_of(snapshot))
            .flatten(),
        missing: (status.phase == SnapshotPhase::Missing)
            .then(|| candidate_of(snapshot))
            .flatten(),
    }
}

fn whereabouts(status: &EtcdSnapshotStatus, place: Option<&str>) -> Whereabouts {
    match (status.object.as_ref(), place) {
        (Some(object), Some(place)) if lies_elsewhere(&object.url, place) => Whereabouts::Elsewhere,
        _ => Whereabouts::Here,
    }
}

/// What retention has to know of a snapshot that the store has no more.
fn candidate_of(snapshot: &EtcdSnapshot) -> Option<Candidate> {
    let backup = backup_of(snapshot)?;
    Some(Candidate {
        id: backup.run_id.parse().ok()?,
        time: backup.taken,
        generation: backup.cluster_id.parse().ok()?,
        standing: Standing::Verified,
        pinned: snapshot.spec.pin,
        in_use: false,
        lock: None,
        size: backup.size,
        revision: backup.revision,
        degraded: snapshot.status.as_ref().is_some_and(|status| status.degraded),
        suspect: false,
    })
}

/// What a snapshot that succeeded says it stored.
fn backup_of(snapshot: &EtcdSnapshot) -> Option<Backup> {
    let status = snapshot.status.as_ref()?;
    let (etcd, facts, object) = (
        status.etcd.as_ref()?,
        status.snapshot.as_ref()?,
        status.object.as_ref()?,
    );
    Some(Backup {
        run_id: status.run_id.clone()?,
        slot: slot_of(snapshot),
        taken: status.start_time?,
        verified: status.verified.as_ref().map(|verified| verified.time),
        revision: etcd.revision?,
        size: facts.size,
        stored: object.size,
        cluster_id: etcd.cluster_id.clone(),
        version: etcd.version.clone(),
        members: None,
    })
}

/// What a manifest says, as its plan sees it.
fn backup(manifest: &Manifest) -> Backup {
    Backup {
        run_id: manifest.run_id.to_string(),
        slot: manifest.times.scheduled,
        taken: manifest.times.started,
        verified: Some(manifest.verification.time),
        revision: manifest.revision,
        size: manifest.snapshot.size,
        stored: manifest.object.size,
        cluster_id: manifest.etcd.cluster_id.to_string(),
        version: Some(manifest.etcd.version.clone()),
        members: manifest.etcd.members,
    }
}

/// Whether the etcd that the plan names can be asked, if that was looked at.
fn etcd(plan: &EtcdBackup, answer: &Answer) -> Option<Result<(), Trouble>> {
    let looked = answer.result.found.etcd.as_ref()?;
    answer
        .result
        .is_of_etcd(plan)
        .then(|| looked.as_ref().copied().map_err(trouble))
}

fn store_view(plan: &EtcdBackup, answer: &Answer) -> StoreView {
    let place = answer.place(plan);
    let place = place.map(|place| place.trim_end_matches('/').to_owned());
    let holds = match (&answer.result.found.catalogue, answer.manifests()) {
        (_, Some(manifests)) => Ok(Holdings {
            location: place.clone().unwrap_or_default(),
            backups: manifests.map(backup).collect(),
            broken: answer.broken(),
        }),
        (Err(failure), None) => Err(trouble(failure)),
        // Manifests are there exactly when the catalogue is.
        (Ok(_), None) => Ok(Holdings::default()),
    };
    let retention = answer.result.found.retention.as_ref();
    let retention = retention.map(|outcome| {
        outcome
            .as_ref()
            .map(|outcome| pruning(plan, outcome))
            .map_err(trouble)
    });
    StoreView {
        at: answer.result.at,
        since: answer.since,
        place,
        holds,
        retention,
        deleted: answer.deleted_at(),
    }
}

fn pruning(plan: &EtcdBackup, outcome: &RetentionOutcome) -> Pruning {
    let candidates = |removals: &[Removal]| {
        let candidate = |gone: &Removal| RetentionCandidate {
            run_id: gone.run_id.clone(),
            why: gone.why.clone(),
        };
        removals.iter().map(candidate).collect()
    };
    let about = |refusals: &[Refusal], what: &str| {
        let first = refusals.first()?;
        let (count, run_id) = (refusals.len(), &first.run_id);
        Some(Trouble {
            reason: first.failure.reason.clone(),
            message: format!("{count} {what}, the first is {run_id}: {}", first.failure.message),
        })
    };
    Pruning {
        at: outcome.at,
        dry_run: outcome.dry_run,
        superseded: outcome.rules != plan.spec.retention || outcome.time_zone != plan.spec.time_zone,
        kept: outcome.kept,
        removed: candidates(&outcome.removed),
        held: outcome.held.as_ref().map(trouble),
        locked: candidates(&outcome.locked),
        refused: outcome.refused.len(),
        spared: about(&outcome.spared, "left alone after all"),
        failed: about(&outcome.refused, "could not be removed"),
    }
}

fn trouble(failure: &Failure) -> Trouble {
    Trouble {
        reason: failure.reason.clone(),
        message: failure.message.clone(),
    }
}
