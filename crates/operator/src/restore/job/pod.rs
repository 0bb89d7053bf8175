//! The pod that does a step.

use etcd_backup_api::{EtcdRestore, PinnedStatefulSet};
use k8s_openapi::api::core::v1::PodSpec;

use super::{JobError, mounts};
use crate::agent::{RestoreTask, Step};
use crate::jobs::{Agent, JobPolicy, RunAs, Wanted, container, pod};
use crate::restore::targets;

/// JobPolicy takes at most 128 MiB of memory of its own and is fastest with two processors; what it writes passes through
/// the page cache, which counts towards the limit and is given back.
const WANTED: Wanted = Wanted {
    requests: [("cpu", "100m"), ("memory", "160Mi")],
    limits: [("cpu", "2"), ("memory", "512Mi")],
};

/// The pod that does `step` for the member at `index`.
pub(super) fn spec(
    restore: &EtcdRestore,
    step: Step,
    index: usize,
    job_policy: &JobPolicy,
    task: &RestoreTask,
) -> Result<PodSpec, JobError> {
    let shape = &restore.spec.job;
    let target = targets::target(restore, index).ok_or(JobError::NoTarget)?;
    let mounts = mounts::volumes(restore, step, index)?;
    let run_as = if target.host_path.is_some() {
        RunAs::Root
    } else {
        of_etcd(restore)
    };
    let agent = Agent {
        image: job_policy.image.get().ok_or(JobError::NoImage)?,
        args: &["agent", "restore", step.as_str()],
        task: serde_json::to_string(task).map_err(|_| JobError::Encode)?,
    };
    let container = container(agent, shape, WANTED, run_as, &mounts);
    Ok(PodSpec {
        // The directory is on this node and on no other; a taint must not keep its restore away.
        node_name: target.host_path.map(|path| path.node_name),
        ..pod(shape, run_as, vec![container], mounts)
    })
}

/// etcd must be able to read what is written: its own user does, if it is known.
fn of_etcd(restore: &EtcdRestore) -> RunAs {
    let pinned = restore
        .status
        .as_ref()
        .and_then(|status| status.stateful_set.as_ref());
    let of_set =
        |field: fn(&PinnedStatefulSet) -> Option<i64>| pinned.and_then(field).filter(|number| *number > 0);
    RunAs::User {
        user: of_set(|set| set.run_as_user),
        fs_group: of_set(|set| set.fs_group),
    }
}
