//! The Job of a drill.
//!
//! Without an etcd its pod has one container, which restores. With one:
//!
//! ```text
//! init: restore ─► init that goes on: etcd ─► agent: asks it, and ends. Then Kubernetes ends etcd, and the pod is over.
//! ```
//!
//! Everything about it follows from the plan, the status that says that the drill runs, and the administrator's settings, so that
//! a Job that vanished is made again as it was. What is restored lies in a directory that goes with the pod.

mod etcd;

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_backup_api::{Drill, EtcdBackup, RunningDrill, SecretReference, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use kube::{Resource, ResourceExt};

use self::etcd::{CLIENTS, etcd, user};
use crate::agent::{DrillStep, DrillTask, SCRATCH};
use crate::jobs::{
    Agent, CONTAINER, Errand, JobPolicy, Mounted, RESTORING, Retries, RunAs, Wanted, container, pod, scratch,
    snapshot,
};

/// How often a drill is tried again, on another node where that is possible.
const RETRIES: i32 = 2;

/// How long a Job stays after its end, for its log, if no other drill follows.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Room beside the snapshot and the database: etcd writes its log in files of 64 MB, the next one beforehand.
const ROOM: u64 = 512 << 20;

/// Room for temporary files.
const TEMPORARY: &str = "64Mi";

/// As restoring in earnest; etcd keeps an index of all keys in memory, and its database in the page cache.
const WANTED: Wanted = Wanted {
    requests: [("cpu", "100m"), ("memory", "160Mi")],
    limits: [("cpu", "2"), ("memory", "512Mi")],
};

/// Why a Job cannot be described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum JobError {
    /// The status does not say that a drill runs.
    #[error("no drill runs")]
    NoDrill,
    /// There is no image.
    #[error("{}", JobPolicy::NO_IMAGE)]
    NoImage,
    /// The task cannot be expressed as JSON.
    #[error("the task cannot be expressed as JSON")]
    Encode,
}

impl JobError {
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::NoImage => "AgentImageMissing",
            Self::NoDrill | Self::Encode => "Internal",
        }
    }
}

/// The Job of the drill that `plan` says to run.
pub(super) fn job(plan: &EtcdBackup, job_policy: &JobPolicy) -> Result<Job, JobError> {
    let running = plan
        .status
        .as_ref()
        .and_then(|status| status.drill.as_ref()?.running.as_ref())
        .ok_or(JobError::NoDrill)?;
    let spec = plan.spec.drill.as_deref().cloned().unwrap_or_default();
    let errand = Errand {
        name: running.job.clone(),
        namespace: plan.namespace(),
        owner: plan.controller_owner_ref(&()),
        labels: BTreeMap::from([
            (labels::PLAN.to_owned(), plan.name_any()),
            (labels::DRILL_UID.to_owned(), plan.uid().unwrap_or_default()),
        ]),
        deadline: spec.timeout.as_std(),
        // The one that restores, or the one that asks.
        retries: Retries::UnlessAnyContainer(RETRIES),
        kept: Some(KEPT),
    };
    Ok(errand.job(pod_of(plan, running, &spec, job_policy)?))
}

fn pod_of(
    plan: &EtcdBackup,
    running: &RunningDrill,
    spec: &Drill,
    job_policy: &JobPolicy,
) -> Result<PodSpec, JobError> {
    let shape = &spec.job;
    let image = job_policy.image.get().ok_or(JobError::NoImage)?;
    let task = serde_json::to_string(&task(plan, running, spec, job_policy)).map_err(|_| JobError::Encode)?;
    let agent = |step: DrillStep, mounts: &[Mounted]| {
        let args = ["agent", "drill", step.as_str()];
        let (args, task) = (&args[..], task.clone());
        container(Agent { image, args, task }, shape, WANTED, RunAs::ANY, mounts)
    };
    let room = room(running, spec);
    let mut mounts = vec![room.clone(), scratch("scratch", "/tmp", TEMPORARY)];
    mounts.extend(snapshot(
        &running.source,
        spec.decryption.as_ref(),
        shape.local_store.as_ref(),
    ));
    let restore = agent(DrillStep::Restore, &mounts);
    let mut pod_spec = match &spec.etcd_image {
        None => pod(shape, RunAs::ANY, vec![restore], mounts),
        Some(image) => {
            let etcd = etcd(image, &restore, &room);
            let user = user(plan.spec.etcd.auth.as_ref());
            let check: Vec<Mounted> = user.iter().cloned().chain([room]).collect();
            let check = agent(DrillStep::Check, &check);
            mounts.extend(user);
            PodSpec {
                init_containers: Some(vec![named(RESTORING, restore), etcd]),
                ..pod(shape, RunAs::ANY, vec![named(CONTAINER, check)], mounts)
            }
        }
    };
    // One that is missing is told by the one who reads it, instead of by a pod that waits until its time is up.
    for volume in pod_spec.volumes.iter_mut().flatten() {
        if let Some(secret) = &mut volume.secret {
            secret.optional = Some(true);
        }
    }
    Ok(pod_spec)
}

fn named(name: &str, container: Container) -> Container {
    Container {
        name: name.to_owned(),
        ..container
    }
}

fn task(plan: &EtcdBackup, running: &RunningDrill, spec: &Drill, job_policy: &JobPolicy) -> DrillTask {
    let name = |secret: &SecretReference| secret.secret_name.clone();
    DrillTask {
        plan: format!("{}/{}", plan.namespace().unwrap_or_default(), plan.name_any()),
        source: running.source.clone(),
        store: job_policy.access.clone(),
        decryption: spec.decryption.as_ref().map(name),
        auth: plan.spec.etcd.auth.as_ref().map(name),
        scratch: SCRATCH.into(),
        endpoint: spec.etcd_image.is_some().then(|| CLIENTS.to_owned()),
    }
}

/// Where the snapshot is restored.
fn room(running: &RunningDrill, spec: &Drill) -> Mounted {
    let derived = || {
        let size = running.source.snapshot_size;
        size.saturating_mul(2).saturating_add(ROOM).to_string()
    };
    let size = spec.scratch_size.clone().unwrap_or_else(derived);
    scratch("drill", SCRATCH, &size)
}

#[cfg(test)]
mod tests;
