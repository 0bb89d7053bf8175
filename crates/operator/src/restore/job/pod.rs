//! The pod of a Job: Kubernetes' restricted profile, except where a directory of a node demands root.

use std::collections::BTreeMap;

use etcd_backup_api::{Amounts, EtcdRestore, JobShape, Toleration};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, LocalObjectReference, PodSecurityContext, PodSpec, PodTemplateSpec,
    ResourceRequirements, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{CONTAINER, JobError, mounts};
use crate::agent::{RestoreTask, Step, TASK_VARIABLE, TERMINATION_LOG};
use crate::restore::restoring::Restoring;
use crate::restore::targets;

/// Who the pod runs as when nothing else says so: the user of the operator's own image.
const USER: i64 = 65532;

/// What a pod gets when nothing else says so. Restoring takes at most 128 MiB of memory of its own and is fastest with two
/// processors; what it writes passes through the page cache, which counts towards the limit and is given back.
const REQUESTS: [(&str, &str); 2] = [("cpu", "100m"), ("memory", "160Mi")];
const LIMITS: [(&str, &str); 2] = [("cpu", "2"), ("memory", "512Mi")];

/// The template of a Job's pods.
pub(super) fn template(
    restore: &EtcdRestore,
    step: Step,
    index: usize,
    restoring: &Restoring,
    task: &RestoreTask,
    labels: BTreeMap<String, String>,
) -> Result<PodTemplateSpec, JobError> {
    let shape = &restore.spec.job;
    let target = targets::target(restore, index).ok_or(JobError::NoTarget)?;
    let (volumes, volume_mounts) = mounts::volumes(restore, step, index)?;
    let root = target.host_path.is_some();
    let container = Container {
        name: CONTAINER.to_owned(),
        image: Some(restoring.image.get().cloned().ok_or(JobError::NoImage)?),
        args: Some(["agent", "restore", step.as_str()].map(str::to_owned).to_vec()),
        env: Some(vec![EnvVar {
            name: TASK_VARIABLE.to_owned(),
            value: Some(serde_json::to_string(task).map_err(|_| JobError::Encode)?),
            value_from: None,
        }]),
        resources: Some(resources(shape)),
        security_context: Some(container_security(root)),
        termination_message_path: Some(TERMINATION_LOG.to_owned()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(volume_mounts),
        ..Container::default()
    };
    Ok(PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            containers: vec![container],
            host_network: shape.host_network.then_some(true),
            image_pull_secrets: some(
                shape
                    .image_pull_secrets
                    .iter()
                    .map(|secret| LocalObjectReference {
                        name: secret.secret_name.clone(),
                    }),
            ),
            // The directory is on this node and on no other; a taint must not keep its restore away.
            node_name: target.host_path.map(|path| path.node_name),
            node_selector: Some(shape.node_selector.clone()).filter(|labels| !labels.is_empty()),
            restart_policy: Some("Never".to_owned()),
            security_context: Some(pod_security(restore, root)),
            service_account_name: shape.service_account_name.clone(),
            termination_grace_period_seconds: Some(30),
            tolerations: some(shape.tolerations.iter().map(toleration)),
            volumes: Some(volumes),
            ..PodSpec::default()
        }),
    })
}

fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    Some(items.collect::<Vec<_>>()).filter(|items| !items.is_empty())
}

/// etcd must be able to read what is written: its own user does, if it is known.
fn pod_security(restore: &EtcdRestore, root: bool) -> PodSecurityContext {
    let shape = &restore.spec.job;
    let seccomp_profile = Some(SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    });
    if root {
        return PodSecurityContext {
            run_as_user: Some(0),
            run_as_group: Some(0),
            seccomp_profile,
            ..PodSecurityContext::default()
        };
    }
    let pinned = restore
        .status
        .as_ref()
        .and_then(|status| status.stateful_set.as_ref());
    let of_set = |field: fn(&etcd_backup_api::PinnedStatefulSet) -> Option<i64>| {
        pinned.and_then(field).filter(|number| *number > 0)
    };
    let user = shape
        .run_as_user
        .or_else(|| of_set(|set| set.run_as_user))
        .unwrap_or(USER);
    let group = shape.run_as_group.unwrap_or(user);
    let fs_group = shape
        .fs_group
        .or_else(|| of_set(|set| set.fs_group))
        .unwrap_or(group);
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(group),
        fs_group: Some(fs_group),
        // Not every file of a large volume at each start.
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile,
        ..PodSecurityContext::default()
    }
}

fn container_security(root: bool) -> SecurityContext {
    // Root without capabilities can neither enter another user's directory nor give it files of its own.
    let add = root.then(|| ["CHOWN", "DAC_OVERRIDE", "FOWNER"].map(str::to_owned).to_vec());
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            add,
            drop: Some(vec!["ALL".to_owned()]),
        }),
        ..SecurityContext::default()
    }
}

fn resources(shape: &JobShape) -> ResourceRequirements {
    let wanted = shape.resources.as_ref();
    let of = |amounts: Option<&Amounts>, defaults: [(&str, &str); 2]| {
        let named = |name: &str| {
            amounts.and_then(|amounts| match name {
                "cpu" => amounts.cpu.clone(),
                _ => amounts.memory.clone(),
            })
        };
        let amount = |(name, default): (&str, &str)| {
            let amount = named(name).unwrap_or_else(|| default.to_owned());
            (name.to_owned(), Quantity(amount))
        };
        Some(defaults.map(amount).into_iter().collect())
    };
    ResourceRequirements {
        requests: of(wanted.and_then(|wanted| wanted.requests.as_ref()), REQUESTS),
        limits: of(wanted.and_then(|wanted| wanted.limits.as_ref()), LIMITS),
        claims: None,
    }
}

fn toleration(of: &Toleration) -> core::Toleration {
    core::Toleration {
        key: of.key.clone(),
        operator: Some(of.operator.as_str().to_owned()),
        value: of.value.clone(),
        effect: of.effect.map(|effect| effect.as_str().to_owned()),
        toleration_seconds: of.toleration_seconds,
    }
}
