//! What all Jobs of the operator have in common: Kubernetes' restricted profile, Secrets that are mounted and never written
//! down, a result that comes back as the termination message, and failures that are tried again only where that can help.

pub mod containers;
pub mod listener;
mod mounts;
mod pod;
mod policy;
mod resources;
pub mod seen;
pub mod wait;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

pub use listener::Listener;
pub use mounts::{Mounted, MountedSecret, local_store, mounted, of_claim, scratch, secrets, snapshot};
pub use pod::{Agent, RunAs, container, pod};
pub use policy::JobPolicy;
pub use resources::Wanted;

use crate::agent::EXIT_LASTING;

/// The name of the container whose termination message is the result.
pub const CONTAINER: &str = "agent";

/// The name of the container before it that restores, where an etcd is started on what was restored.
pub const RESTORING: &str = "restore";

/// The value of the label `app.kubernetes.io/name` on Jobs and pods.
const APPLICATION: &str = "etcd-backup-agent";

/// One Job: everything about it but the work of its pod.
#[derive(Debug, Clone)]
pub struct Errand {
    /// Its name: always the same for the same work, so that it is made once. See [`name`].
    pub name: String,
    /// The namespace of the object that it works for.
    pub namespace: Option<String>,
    /// The object that it works for, and with which it goes.
    pub owner: Option<OwnerReference>,
    /// What it does, on the Job and on its pods.
    pub labels: BTreeMap<String, String>,
    /// After this time Kubernetes ends it.
    pub deadline: Duration,
    /// What follows when its pod fails.
    pub retries: Retries,
    /// How long it stays after its end, for its log. Without: as long as its owner.
    pub kept: Option<Duration>,
}

/// What follows when the pod of a Job fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// Nothing: there is one pod, whatever becomes of it.
    Never,
    /// It is replaced so many times, unless the agent says that this cannot help. An eviction does not count.
    UnlessTheAgent(i32),
    /// Likewise, where several containers of a pod are agents: whichever says so.
    UnlessAnyContainer(i32),
}

impl Retries {
    const fn times(self) -> i32 {
        match self {
            Self::Never => 0,
            Self::UnlessTheAgent(times) | Self::UnlessAnyContainer(times) => times,
        }
    }

    fn policy(self) -> Option<PodFailurePolicy> {
        match self {
            Self::Never => None,
            Self::UnlessTheAgent(_) => Some(failure_policy(Some(CONTAINER))),
            Self::UnlessAnyContainer(_) => Some(failure_policy(None)),
        }
    }
}

impl Errand {
    /// The Job that runs `pod`.
    pub fn job(self, pod: PodSpec) -> Job {
        let mut labels = self.labels;
        labels.insert("app.kubernetes.io/name".to_owned(), APPLICATION.to_owned());
        Job {
            metadata: ObjectMeta {
                name: Some(self.name),
                namespace: self.namespace,
                labels: Some(labels.clone()),
                owner_references: self.owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: Some(JobSpec {
                active_deadline_seconds: Some(i64::try_from(self.deadline.as_secs()).unwrap_or(i64::MAX)),
                backoff_limit: Some(self.retries.times()),
                pod_failure_policy: self.retries.policy(),
                ttl_seconds_after_finished: self
                    .kept
                    .map(|kept| i32::try_from(kept.as_secs()).unwrap_or(i32::MAX)),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(labels),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(pod),
                },
                ..JobSpec::default()
            }),
            status: None,
        }
    }
}

/// The name of a Job: as much of the object's name as fits into the 63 characters that a label takes, the beginning of its UID, and `work`.
pub fn name(object: &str, uid: &str, work: &str) -> String {
    let uid: String = uid.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let tail = format!("-{uid}-{work}");
    let mut head = object.replace('.', "-");
    head.truncate(63 - tail.len());
    format!("{}{tail}", head.trim_end_matches('-'))
}

/// What this container, or any, says cannot be helped fails at once; an eviction does not count as a try.
fn failure_policy(container: Option<&str>) -> PodFailurePolicy {
    let lasting = PodFailurePolicyRule {
        action: "FailJob".to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: container.map(str::to_owned),
            operator: "In".to_owned(),
            values: vec![EXIT_LASTING],
        }),
        ..PodFailurePolicyRule::default()
    };
    let evicted = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
        }]),
        ..PodFailurePolicyRule::default()
    };
    PodFailurePolicy {
        rules: vec![lasting, evicted],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_label_and_tells_objects_and_work_apart() {
        let long = "a".repeat(62) + ".b";
        let job = name(&long, "0a1b-2c3d-4e5f", "prepare-0");
        assert_eq!(job.len(), 63);
        assert!(job.ends_with("-0a1b2c3d-prepare-0"), "{job}");
        assert_eq!(name("a-", "0a1b2c3d", "x"), "a-0a1b2c3d-x");
    }
}
