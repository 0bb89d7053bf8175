//! The pod of a Job: Kubernetes' restricted profile, except where a directory of a node demands root.

use etcd_backup_api::{JobShape, Toleration};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, LocalObjectReference, PodSecurityContext, PodSpec, SeccompProfile,
    SecurityContext,
};

use super::resources::{Wanted, resources};
use super::{CONTAINER, Mounted};
use crate::agent::{TASK_VARIABLE, TERMINATION_LOG};

/// Who a pod runs as when nothing else says so: the user of the operator's own image.
const USER: i64 = 65532;

/// Who a pod runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunAs {
    /// Root, for a directory of a node.
    Root,
    /// The user and the group for volumes that the shape of the Job names, else these, else the operator's own.
    User {
        /// The user.
        user: Option<i64>,
        /// The group that may write to the volumes.
        fs_group: Option<i64>,
    },
}

impl RunAs {
    /// Whoever the shape of the Job names.
    pub const ANY: Self = Self::User {
        user: None,
        fs_group: None,
    };
}

/// What the one program of ours does in a container.
#[derive(Debug, Clone)]
pub struct Agent<'a> {
    /// The image of the operator.
    pub image: &'a str,
    /// The verb.
    pub args: &'a [&'a str],
    /// Its task, as JSON without a secret.
    pub task: String,
}

/// The container that does it, with the volumes of `mounts`.
pub fn container(
    agent: Agent<'_>,
    shape: &JobShape,
    wanted: Wanted,
    run_as: RunAs,
    mounts: &[Mounted],
) -> Container {
    let Agent { image, args, task } = agent;
    Container {
        name: CONTAINER.to_owned(),
        image: Some(image.to_owned()),
        args: Some(args.iter().copied().map(str::to_owned).collect()),
        env: Some(vec![EnvVar {
            name: TASK_VARIABLE.to_owned(),
            value: Some(task),
            value_from: None,
        }]),
        resources: Some(resources(shape, wanted)),
        security_context: Some(container_security(run_as)),
        termination_message_path: Some(TERMINATION_LOG.to_owned()),
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        volume_mounts: Some(mounts.iter().map(|(_, mount)| mount.clone()).collect()),
        ..Container::default()
    }
}

/// The pod that runs `containers`, where and as whom `shape` says.
pub fn pod(shape: &JobShape, run_as: RunAs, containers: Vec<Container>, mounts: Vec<Mounted>) -> PodSpec {
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        containers,
        host_network: shape.host_network.then_some(true),
        // In the node's network the node's resolver is the default, which knows no Services.
        dns_policy: shape.host_network.then(|| "ClusterFirstWithHostNet".to_owned()),
        image_pull_secrets: some(
            shape
                .image_pull_secrets
                .iter()
                .map(|secret| LocalObjectReference {
                    name: secret.secret_name.clone(),
                }),
        ),
        node_selector: Some(shape.node_selector.clone()).filter(|labels| !labels.is_empty()),
        restart_policy: Some("Never".to_owned()),
        security_context: Some(pod_security(shape, run_as)),
        service_account_name: shape.service_account_name.clone(),
        termination_grace_period_seconds: Some(30),
        tolerations: some(shape.tolerations.iter().map(toleration)),
        volumes: some(mounts.into_iter().map(|(volume, _)| volume)),
        ..PodSpec::default()
    }
}

fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    Some(items.collect::<Vec<_>>()).filter(|items| !items.is_empty())
}

fn pod_security(shape: &JobShape, run_as: RunAs) -> PodSecurityContext {
    let seccomp_profile = Some(SeccompProfile {
        type_: "RuntimeDefault".to_owned(),
        localhost_profile: None,
    });
    let RunAs::User { user, fs_group } = run_as else {
        return PodSecurityContext {
            run_as_user: Some(0),
            run_as_group: Some(0),
            seccomp_profile,
            ..PodSecurityContext::default()
        };
    };
    let user = shape.run_as_user.or(user).unwrap_or(USER);
    let group = shape.run_as_group.unwrap_or(user);
    let fs_group = shape.fs_group.or(fs_group).unwrap_or(group);
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

fn container_security(run_as: RunAs) -> SecurityContext {
    // Root without capabilities can neither enter another user's directory nor give it files of its own.
    let root = run_as == RunAs::Root;
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

fn toleration(of: &Toleration) -> core::Toleration {
    core::Toleration {
        key: of.key.clone(),
        operator: Some(of.operator.as_str().to_owned()),
        value: of.value.clone(),
        effect: of.effect.map(|effect| effect.as_str().to_owned()),
        toleration_seconds: of.toleration_seconds,
    }
}
