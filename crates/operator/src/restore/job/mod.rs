//! The Jobs that work at the targets.
//!
//! Everything about them follows from the restore, its pinned status and the administrator's settings, so that a Job that
//! vanished is made again as it was. They hold no secret: those are mounted.

mod mounts;
mod pod;
#[cfg(test)]
mod tests;

use etcd_backup_api::{EtcdRestore, labels};
use k8s_openapi::api::batch::v1::Job;
use kube::{Resource, ResourceExt};

use super::targets;
use crate::agent::{Member, RestoreTask, Step};
use crate::jobs::JobPolicy;
use crate::jobs::{self, Errand, Retries};

/// Label on Jobs and pods: what they do.
pub const STEP: &str = "etcdbackup.dev/restore-step";

/// Label on Jobs and pods: the position of the member that they do it for.
pub const MEMBER: &str = "etcdbackup.dev/restore-member";

/// How often a step is tried again, on another node where that is possible.
const RETRIES: i32 = 2;

/// How often putting data into place is tried again: there is no way back from there.
const COMMIT_RETRIES: i32 = 6;

/// Why a Job cannot be described. None of it happens to a restore that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The status does not say what is restored.
    #[error("the source of the restore is not known yet")]
    NoSource,
    /// There is no such member, or it has no target.
    #[error("the member has no target")]
    NoTarget,
    /// There is no image.
    #[error(
        "no image is known for the pods of Jobs: the operator cannot see its own pod, so start it with --agent-image"
    )]
    NoImage,
    /// The task cannot be expressed as JSON.
    #[error("the task cannot be expressed as JSON")]
    Encode,
}

/// The name of a member's Job for a step: always the same, so that it is made once.
pub fn name(restore: &EtcdRestore, step: Step, index: usize) -> String {
    let work = format!("{}-{index}", step.as_str());
    jobs::name(&restore.name_any(), &restore.uid().unwrap_or_default(), &work)
}

/// The Job that does `step` for the member at `index`.
pub fn job(restore: &EtcdRestore, step: Step, index: usize, job_policy: &JobPolicy) -> Result<Job, JobError> {
    let task = task(restore, index, job_policy)?;
    let errand = Errand {
        name: name(restore, step, index),
        namespace: restore.namespace(),
        owner: restore.controller_owner_ref(&()),
        labels: labels(restore, step, index),
        deadline: restore.spec.timeout.as_std(),
        retries: Retries::UnlessTheAgent(if step == Step::Commit {
            COMMIT_RETRIES
        } else {
            RETRIES
        }),
        kept: None,
    };
    Ok(errand.job(pod::spec(restore, step, index, job_policy, &task)?))
}

fn labels(restore: &EtcdRestore, step: Step, index: usize) -> std::collections::BTreeMap<String, String> {
    [
        (labels::RESTORE_UID, restore.uid().unwrap_or_default()),
        (STEP, step.as_str().to_owned()),
        (MEMBER, index.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

fn task(restore: &EtcdRestore, index: usize, job_policy: &JobPolicy) -> Result<RestoreTask, JobError> {
    let status = restore.status.as_ref().ok_or(JobError::NoSource)?;
    let spec = &restore.spec;
    let member = spec.members.get(index).ok_or(JobError::NoTarget)?;
    let target = targets::target(restore, index).ok_or(JobError::NoTarget)?;
    Ok(RestoreTask {
        restore: format!(
            "{}/{}",
            restore.namespace().unwrap_or_default(),
            restore.name_any()
        ),
        uid: restore.uid().unwrap_or_default(),
        member: member.name.clone(),
        data_dir: mounts::data_dir(&target),
        existing_data: spec.existing_data,
        source: status.source.clone().ok_or(JobError::NoSource)?,
        store: job_policy.access.clone(),
        decryption: spec.decryption.as_ref().map(|secret| secret.secret_name.clone()),
        revision: spec.revision,
        bump_revision: u64::try_from(spec.bump_revision).unwrap_or_default(),
        initial_cluster_token: status.initial_cluster_token.clone().ok_or(JobError::NoSource)?,
        target_version: spec.target_version.clone(),
        members: spec
            .members
            .iter()
            .map(|member| Member {
                name: member.name.clone(),
                peer_urls: member.peer_urls.clone(),
            })
            .collect(),
    })
}
