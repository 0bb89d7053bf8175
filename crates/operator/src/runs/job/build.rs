//! What the Job of an attempt is like. It holds no secret: those are mounted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use etcd_backup_api::{EtcdSnapshot, SecretReference, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;

use super::name_of;
use crate::agent::{SnapshotTask, Spool};
use crate::connect::Failure;
use crate::jobs::{
    Agent, Errand, JobPolicy, Mounted, MountedSecret, Retries, RunAs, Wanted, container, local_store, pod,
    scratch, secrets,
};
use crate::runs::request::RunRequest;
use crate::settings::Settings;

/// Where the pods have room for temporary files.
const SCRATCH: &str = "/tmp";

/// Room there that is not meant for the snapshot.
const SCRATCH_BYTES: u64 = 64 << 20;

/// A finished Job stays for this long, for whoever wants to read its log. Then Kubernetes removes it.
const KEPT: Duration = Duration::from_hours(1);

/// A run keeps at most a few parts of an upload and its spool in memory, whatever the size of the database; compressing and
/// hashing take up to two processors.
const WANTED: Wanted = Wanted {
    requests: [("cpu", "100m"), ("memory", "128Mi")],
    limits: [("cpu", "2"), ("memory", "512Mi")],
};

/// What the pods may keep of what the store does not take as fast as etcd gives it: as much as a run in the operator's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolOfPods {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes on the node's disk; 0 for none.
    pub disk: u64,
}

impl SpoolOfPods {
    /// As the settings say for runs in the operator's process.
    pub fn of(settings: &Settings) -> Self {
        Self {
            memory: settings.spool_memory.0,
            disk: settings
                .spool_dir
                .as_ref()
                .map_or(0, |_| settings.spool_max_bytes.0),
        }
    }
}

/// The Job that carries out `request`.
pub(super) fn job(
    request: &RunRequest,
    kubernetes_uid: String,
    job_policy: &JobPolicy,
    spool: SpoolOfPods,
) -> Result<Job, Failure> {
    let spec = &request.plan.spec;
    let shape = spec.runner.job_shape().unwrap_or_default();
    let image = job_policy
        .image
        .get()
        .ok_or_else(|| Failure::transient("AgentImageMissing", JobPolicy::NO_IMAGE))?;
    let task = task(request, kubernetes_uid, job_policy, spool);
    let task = serde_json::to_string(&task).map_err(|error| Failure::of("Internal", false, &error))?;
    let mounts = mounts(request, spool);
    let agent = Agent {
        image,
        args: &["agent", "snapshot"],
        task,
    };
    let container = container(agent, &shape, WANTED, RunAs::ANY, &mounts);
    let errand = Errand {
        name: name_of(request),
        namespace: Some(request.snapshot.namespace.clone()),
        owner: Some(owner(request)),
        labels: labels(request),
        deadline: request.deadline,
        // A second pod could write a second backup.
        retries: Retries::Never,
        kept: Some(KEPT),
    };
    Ok(errand.job(pod(&shape, RunAs::ANY, vec![container], mounts)))
}

fn owner(request: &RunRequest) -> OwnerReference {
    OwnerReference {
        api_version: EtcdSnapshot::api_version(&()).into_owned(),
        kind: EtcdSnapshot::kind(&()).into_owned(),
        name: request.snapshot.name.clone(),
        uid: request.snapshot.uid.clone(),
        controller: Some(true),
        // That would take a right over the finalizers of EtcdSnapshots.
        block_owner_deletion: None,
    }
}

fn labels(request: &RunRequest) -> BTreeMap<String, String> {
    [
        (labels::SNAPSHOT_UID, request.snapshot.uid.clone()),
        (labels::ATTEMPT, request.attempt.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

fn task(
    request: &RunRequest,
    kubernetes_uid: String,
    job_policy: &JobPolicy,
    spool: SpoolOfPods,
) -> SnapshotTask {
    SnapshotTask {
        plan: SnapshotTask::essence(&request.plan),
        snapshot: request.snapshot.name.clone(),
        uid: request.snapshot.uid.clone(),
        attempt: request.attempt,
        scheduled: request.scheduled,
        trigger: request.trigger,
        kubernetes_uid,
        store: job_policy.access.clone(),
        spool_memory: spool.memory,
        spool: (spool.disk > 0).then(|| Spool {
            directory: PathBuf::from(SCRATCH),
            bytes: spool.disk,
        }),
    }
}

/// The Secrets of both ends, room for temporary files, and the volume of a store that is a directory.
fn mounts(request: &RunRequest, spool: SpoolOfPods) -> Vec<Mounted> {
    let spec = &request.plan.spec;
    let etcd_tls = spec.etcd.tls.as_ref().map(|tls| SecretReference {
        secret_name: tls.secret_name.clone(),
    });
    let s3 = spec.storage.s3.as_ref();
    let named = [
        etcd_tls.as_ref(),
        spec.etcd.auth.as_ref(),
        s3.and_then(|s3| s3.credentials.as_ref()),
        s3.and_then(|s3| s3.tls.as_ref()),
    ];
    let wanted: Vec<MountedSecret<'_>> = named
        .into_iter()
        .flatten()
        .map(|secret| MountedSecret { secret, keys: None })
        .collect();
    let room = SCRATCH_BYTES.saturating_add(spool.disk);
    let mut all = vec![scratch("scratch", SCRATCH, &room.to_string())];
    all.extend(secrets(&wanted));
    let shape = spec.runner.job.as_deref();
    all.extend(local_store(
        &spec.storage,
        shape.and_then(|shape| shape.local_store.as_ref()),
        false,
    ));
    all
}
