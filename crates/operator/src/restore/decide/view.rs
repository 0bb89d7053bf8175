//! What a decision about a restore is made from, and what it says.

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdRestoreStatus;

use crate::agent::Step;
use crate::connect::Failure;
use crate::events::Note;
use crate::jobs::seen::Problem;
use crate::restore::cluster::Work;
use crate::restore::stateful_set::SetState;
use crate::restore::{Agreement, Errand, Resolved};

/// All that is known about a restore besides the object itself.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Why this specification is not carried out here.
    pub refusal: Option<Problem>,
    /// Whether restores are carried out at all.
    pub enabled: bool,
    /// The name of a restore of the same target that comes first.
    pub rival: Option<String>,
    /// Something that the source names and that is not there.
    pub missing: Option<Failure>,
    /// What is known of the source.
    pub source: Errand<Resolved>,
    /// Its Jobs and pods.
    pub work: Result<Work, Problem>,
    /// The StatefulSet that runs the members, if one is named.
    pub set: Option<Result<SetState, Failure>>,
    /// What the API server did not let us do when it was tried last.
    pub refused: Option<Problem>,
    /// What is known of the restored cluster.
    pub verification: Errand<Agreement>,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Whether the finalizer must come or go. It comes first and alone, with the mark that the restore was begun.
    pub finalizer: Option<bool>,
    /// What the status is to say.
    pub status: EtcdRestoreStatus,
    /// What is to be done, after the status says so.
    pub actions: Vec<Action>,
    /// What is to be told.
    pub notes: Vec<Note>,
    /// When to look again if nothing happens before.
    pub again: Option<DateTime<Utc>>,
}

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Look the source up.
    Resolve,
    /// Make a member's Job.
    Create(Step, usize),
    /// End a member's Job.
    Delete(Step, usize),
    /// Have the StatefulSet run so many pods.
    Scale(i32),
    /// Ask the restored cluster.
    Verify,
}
