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

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_backup_api::secret::keys;
use etcd_backup_api::{Drill, EtcdBackup, RunningDrill, SecretReference, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use kube::{Resource, ResourceExt};

use crate::agent::{DrillStep, DrillTask, SCRATCH};
use crate::jobs::{
    Agent, CONTAINER, Errand, JobPolicy, Mounted, MountedSecret, RESTORING, Retries, RunAs, Wanted,
    container, pod, scratch, secrets, snapshot,
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

/// Where the etcd of a drill listens. The network is the pod's own.
const CLIENTS: &str = "http://127.0.0.1:2379";
const PEERS: &str = "http://127.0.0.1:2380";

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
    let spec = plan.spec.drill.clone().unwrap_or_default();
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

/// An etcd of the user's choice on what was restored, beside the container that asks it, as restricted as ours. It gets no Secret
/// and no task.
fn etcd(image: &str, ours: &Container, room: &Mounted) -> Container {
    let flags = [
        "--name=drill".to_owned(),
        format!("--data-dir={SCRATCH}/data"),
        format!("--listen-client-urls={CLIENTS}"),
        format!("--advertise-client-urls={CLIENTS}"),
        format!("--listen-peer-urls={PEERS}"),
        format!("--initial-advertise-peer-urls={PEERS}"),
        format!("--initial-cluster=drill={PEERS}"),
        "--initial-cluster-state=existing".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Container {
        name: "etcd".to_owned(),
        image: Some(image.to_owned()),
        command: Some(vec!["etcd".to_owned()]),
        args: Some(flags.to_vec()),
        // One that ends by itself is started again, for as long as it is asked.
        restart_policy: Some("Always".to_owned()),
        resources: ours.resources.clone(),
        security_context: ours.security_context.clone(),
        volume_mounts: Some(vec![room.1.clone()]),
        ..Container::default()
    }
}

/// The user of the plan's etcd, as whom the restored one is asked: it is in the snapshot.
fn user(auth: Option<&SecretReference>) -> Vec<Mounted> {
    let wanted = auth.map(|secret| MountedSecret {
        secret,
        keys: Some(&[keys::USERNAME, keys::PASSWORD]),
    });
    let mounted = secrets(wanted.as_slice());
    let named = |(mut volume, mut mount): Mounted| {
        "user".clone_into(&mut volume.name);
        "user".clone_into(&mut mount.name);
        (volume, mount)
    };
    mounted.into_iter().map(named).collect()
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
mod tests {
    use std::sync::OnceLock;

    use serde_json::{Value, json};

    use super::*;
    use crate::agent::TASK_VARIABLE;
    use crate::fixtures::plan;

    fn built(drill: &Value) -> Value {
        let s3 = json!({"bucket": "backups", "credentials": {"secretName": "keys"}});
        let mut plan = plan(json!({"spec": {
            "verification": "Restore", "drill": drill, "etcd": {"auth": {"secretName": "root"}}, "storage": {"s3": s3},
        }}));
        plan.status = Some(
            serde_json::from_value(json!({"drill": {"running": {
                "snapshot": "prod-1", "job": "prod-planuid-drill-0a1b2c3d", "startTime": "2026-11-23T07:00:00Z",
                "source": {
                    "url": "s3://backups/k", "key": "k", "storage": {"s3": s3}, "runID": "r", "sha256": "", "size": 1,
                    "snapshotSize": 1000, "snapshotSHA256": "", "revision": 9, "clusterID": "1",
                    "taken": "2026-11-23T06:00:00Z", "encrypted": true,
                },
            }}}))
            .unwrap(),
        );
        let job_policy = JobPolicy {
            restores: true,
            image: OnceLock::from("registry/etcd-backup:v1".to_owned()),
            ..JobPolicy::default()
        };
        serde_json::to_value(job(&plan, &job_policy).unwrap()).unwrap()
    }

    fn volume<'a>(pod: &'a Value, name: &str) -> &'a Value {
        let volumes = pod["volumes"].as_array().unwrap();
        volumes.iter().find(|volume| volume["name"] == name).unwrap()
    }

    fn mounts(container: &Value) -> Vec<&str> {
        let mounts = container["volumeMounts"].as_array().unwrap();
        mounts
            .iter()
            .map(|mount| mount["mountPath"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn without_an_etcd_one_container_restores_into_a_directory_of_the_pods_own() {
        let job = built(&json!({"decryption": {"secretName": "age"}, "timeout": "30m"}));
        assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "EtcdBackup");
        assert_eq!(job["spec"]["activeDeadlineSeconds"], 1800);
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert!(pod.get("initContainers").is_none());
        let container = &pod["containers"][0];
        assert_eq!(container["args"], json!(["agent", "drill", "restore"]));
        assert_eq!(
            container["securityContext"]["capabilities"],
            json!({"drop": ["ALL"]})
        );
        assert_eq!(
            mounts(container),
            [
                "/drill",
                "/tmp",
                "/etc/etcd-backup/secrets/age",
                "/etc/etcd-backup/secrets/keys"
            ]
        );
        assert_eq!(
            volume(pod, "drill")["emptyDir"]["sizeLimit"],
            (2 * 1000 + (512 << 20)).to_string()
        );
        assert_eq!(volume(pod, "secret-0")["secret"]["optional"], true);
        let task = container["env"][0]["value"].as_str().unwrap();
        assert_eq!(container["env"][0]["name"], TASK_VARIABLE);
        assert_eq!(DrillTask::parse(task).unwrap().endpoint, None);
    }

    #[test]
    fn an_etcd_runs_beside_the_one_that_asks_it_and_gets_no_secret() {
        let job = built(&json!({"etcdImage": "etcd:v3.6.6", "scratchSize": "3Gi"}));
        let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
        assert!(rules[0]["onExitCodes"].get("containerName").is_none());
        let pod = &job["spec"]["template"]["spec"];
        let (init, main) = (pod["initContainers"].as_array().unwrap(), &pod["containers"][0]);
        assert_eq!(
            (&init[0]["name"], &init[1]["name"], &main["name"]),
            (&json!("restore"), &json!("etcd"), &json!("agent"))
        );
        let etcd = &init[1];
        assert_eq!(
            (&etcd["image"], &etcd["restartPolicy"]),
            (&json!("etcd:v3.6.6"), &json!("Always"))
        );
        assert_eq!((mounts(etcd), etcd.get("env")), (vec!["/drill"], None));
        assert_eq!(etcd["securityContext"], main["securityContext"]);
        let listens = etcd["args"].as_array().unwrap().iter().filter_map(Value::as_str);
        assert!(
            listens
                .filter(|flag| flag.contains("listen"))
                .all(|flag| flag.contains("=http://127.0.0.1:"))
        );
        assert_eq!(main["args"], json!(["agent", "drill", "check"]));
        assert_eq!(mounts(main), ["/etc/etcd-backup/secrets/root", "/drill"]);
        assert_eq!(
            mounts(&init[0]),
            ["/drill", "/tmp", "/etc/etcd-backup/secrets/keys"]
        );
        assert_eq!(volume(pod, "drill")["emptyDir"]["sizeLimit"], "3Gi");
        let task = DrillTask::parse(main["env"][0]["value"].as_str().unwrap()).unwrap();
        assert_eq!(task.endpoint.as_deref(), Some(CLIENTS));
    }
}
