//! What a decision about a snapshot is made from, and what it says.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSnapshotStatus, SnapshotEtcd, SnapshotFacts, StoredObject, Verified};

use crate::events::Note;
use crate::runs::Trigger;

/// All that is known about a snapshot besides the object itself.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Its plan.
    pub plan: Plan,
    /// The plan was asked of the API server for this very look. What the watches show may be of different moments: a snapshot that
    /// was created after its plan was edited may come before the edit.
    pub just_read: bool,
    /// Its run in this process.
    pub run: Option<Run>,
    /// What the store says about it.
    pub store: Store,
    /// Its run was removed from the store because we asked for that.
    pub removed: bool,
    /// The EtcdSnapshot that showed its run before it did: this one is a copy, made by somebody who copied annotations too. Not
    /// looked for once it is over.
    pub shown_by: Option<String>,
    /// When the store last answered a wish to delete, if no question is on its way.
    pub answered: Answered,
    /// Who we are: the only process that may run anything now.
    pub identity: String,
    /// This process is about to end: it starts nothing more.
    pub stopping: bool,
    /// How long its deletion waits for the store.
    pub deletion_timeout: TimeDelta,
}

/// Where the conversation with the store stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It was never asked to delete anything.
    Never,
    /// An answer is awaited; it wakes the snapshot.
    Awaited,
    /// It answered then, with whatever.
    At(DateTime<Utc>),
}

/// The plan of a snapshot.
#[derive(Debug, Clone)]
pub enum Plan {
    /// No plan of that name.
    Missing,
    /// There is one, but the snapshot belongs to an earlier one of the same name.
    Another,
    /// There it is.
    Present {
        /// The plan as it is now.
        plan: Arc<EtcdBackup>,
        /// Why it cannot be used, `None` if it can.
        problem: Option<Problem>,
    },
    /// Nobody could say how it is now.
    Unread(Problem),
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// The run of a snapshot in this process.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// Waiting for its turn.
    Queued {
        /// Its plan says something else by now than when it was asked for.
        outdated: bool,
    },
    /// Under way.
    Running {
        /// Since when.
        started: DateTime<Utc>,
        /// Bytes read from etcd so far.
        bytes: u64,
        /// Bytes to read in all, as far as that is known.
        total: Option<u64>,
        /// What its Job waits for.
        waits: Option<Problem>,
    },
    /// Over, with what is in the store now.
    Succeeded(Box<Stored>),
    /// Over, with nothing in the store.
    Failed {
        /// Why.
        problem: Problem,
        /// Whether another attempt may help.
        transient: bool,
    },
}

/// What the store says about a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub enum Store {
    /// It was not asked yet, in this term of leadership.
    Unknown,
    /// It did not answer.
    Unreadable,
    /// It was listed.
    Listed {
        /// The listing has everything that was stored before this moment; what was stored later may be lacking.
        since: DateTime<Utc>,
        /// Where it was listed, as the beginning of a URL.
        location: String,
        /// The stored snapshot, if it is there.
        found: Option<Box<Stored>>,
    },
}

/// A stored snapshot, in the words of the status.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The run that wrote it.
    pub run_id: String,
    /// When that run began: the data is no older.
    pub started: DateTime<Utc>,
    /// When everything was stored and proved.
    pub finished: DateTime<Utc>,
    /// Taken without a quorum.
    pub degraded: bool,
    /// Etcd had the alarm CORRUPT.
    pub corrupt_alarm: bool,
    /// Where it comes from.
    pub etcd: SnapshotEtcd,
    /// What it holds.
    pub snapshot: SnapshotFacts,
    /// Where it is.
    pub object: StoredObject,
    /// How it was proved. `None`: it was not.
    pub verified: Option<Verified>,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// A change of the object's metadata. It comes first and alone: the rest follows at the next look.
    pub metadata: Option<Metadata>,
    /// What the status is to say.
    pub status: EtcdSnapshotStatus,
    /// What is to be done about the run, after the status says so.
    pub run: RunAction,
    /// Whether its stored object is to be removed.
    pub remove_stored: Option<String>,
    /// What is to be told.
    pub notes: Vec<Note>,
    /// When to look again if nothing happens before.
    pub again: Option<DateTime<Utc>>,
}

/// A change of a snapshot's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// Becomes its plan's: owner reference and labels.
    Adopt,
    /// Must not go before its stored object is gone, or its pin.
    AddFinalizer,
    /// May go.
    RemoveFinalizer,
}

/// What is to be done about a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunAction {
    /// Nothing.
    None,
    /// Nothing yet: the plan is to be read as it is now, and then this is decided again. Nothing else of the decision counts.
    ReadPlan,
    /// Hand it to the pool.
    Submit {
        /// Which attempt it is, from 1.
        attempt: u32,
        /// The slot that it is for.
        scheduled: Option<DateTime<Utc>>,
        /// Why it runs.
        trigger: Trigger,
        /// Its Job was under way before: it is to be found again.
        adopt: bool,
    },
    /// Ask it to stop.
    Cancel,
    /// Its result is in the status: the pool need not keep it.
    Forget,
}
