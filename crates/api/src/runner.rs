//! Where snapshots are taken.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::JobShape;

/// Where snapshots are taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.job) || self.type == 'Job'").message("job needs type: Job")
)]
pub struct Runner {
    /// `Operator`: in the operator's own process. `Job`: in a pod of a Kubernetes Job for each
    /// attempt, in the namespace of the plan; for an etcd that the operator cannot reach (as in the
    /// network of a node), or where one process is not enough. The administrator allows it with
    /// `--enable-jobs`. The operator itself must still reach the store.
    #[serde(default, rename = "type")]
    pub kind: RunnerType,

    /// Where the pods run, as whom, and with how much. For type `Job`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Box<JobShape>>,
}

impl Runner {
    /// The shape of the Jobs, if snapshots are taken by Jobs.
    pub fn job_shape(&self) -> Option<JobShape> {
        (self.kind == RunnerType::Job).then(|| self.job.as_deref().cloned().unwrap_or_default())
    }

    /// Whether snapshots are taken by Jobs.
    pub const fn is_job(&self) -> bool {
        matches!(self.kind, RunnerType::Job)
    }
}

/// What takes snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum RunnerType {
    /// The operator's own process.
    #[default]
    Operator,
    /// A Kubernetes Job for each attempt.
    Job,
}
