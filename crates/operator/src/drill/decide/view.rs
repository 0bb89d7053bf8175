//! What a decision about drills is made from, and what it says.

use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::{DrillStatus, LastRestorable, PinnedSource};

use crate::drill::Seen;
use crate::events::Note;
use crate::status::Truth;

/// All that is known about a plan's drills besides the plan itself.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Jobs may be made at all.
    pub enabled: bool,
    /// The newest snapshot that the store holds.
    pub newest: Option<Newest>,
    /// The store has answered for this specification, and nothing is being asked of it.
    pub settled: bool,
    /// The API server is being asked.
    pub asking: bool,
    /// What it said last of the Job of the drill that runs.
    pub seen: Option<Seen>,
}

/// The newest snapshot of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// Its EtcdSnapshot, or its run while it has none.
    pub snapshot: String,
    /// The snapshot itself.
    pub source: PinnedSource,
}

/// What is to happen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// What the status is to say of drills.
    pub status: Option<DrillStatus>,
    /// The newest snapshot that was restored.
    pub restorable: Option<LastRestorable>,
    /// What the condition Restorable says. `None`: there is no such condition.
    pub verdict: Option<Verdict>,
    /// What is to be done about the Job, after the status says so.
    pub work: Option<Work>,
    /// What is to be told.
    pub notes: Vec<Note>,
    /// A drill is over: after so long, or for this reason.
    pub ended: Option<Result<Duration, String>>,
    /// When to look again if nothing happens before.
    pub again: Option<DateTime<Utc>>,
}

/// What the condition Restorable says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub truth: Truth,
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// What is to be done about the Jobs of a plan's drills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// There must be the one of the drill that runs, and how far it is is wanted.
    Pursue,
    /// There must be none.
    Abandon,
}
