//! What a decision about a plan is made from, and what it says.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdBackupStatus, RetentionCandidate, SnapshotPhase};
use etcd_backup_backup::retention::Candidate;

use crate::drill::decide as drill;
use crate::events::Note;
use crate::plan::timing::Trouble;

/// All that is known about a plan besides the object itself.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Its snapshots.
    pub snapshots: Vec<Shot>,
    /// Names that its snapshots would have and that belong to somebody else.
    pub foreign: BTreeSet<String>,
    /// What its store said when it was last asked, in this term of leadership. `None` too where the plan names another store by
    /// now.
    pub store: Option<StoreView>,
    /// Whether its etcd can be asked, as far as that shows without asking it: its Secrets are there, and its endpoints may be
    /// dialled. Looked at whenever the store is asked; `None` as long as nobody looked at what the plan names now.
    pub etcd: Option<Result<(), Trouble>>,
    /// The store is known not to refuse to create where something is.
    pub looks_first: bool,
    /// A question to the store is on its way.
    pub asking: bool,
    /// How long a listing of the store is believed.
    pub resync: TimeDelta,
    /// How long its deletion waits for the store.
    pub deletion_timeout: TimeDelta,
    /// What concerns its drills.
    pub drill: drill::Observed,
    /// Why this operator takes no snapshots of the plan, if it does not.
    pub refused: Option<Trouble>,
}

impl Observed {
    /// The run that ended last. What was found in the store was nobody's run here.
    pub fn last_over(&self) -> Option<&Shot> {
        let over = self.snapshots.iter();
        over.filter(|shot| shot.phase.is_terminal() && !shot.found)
            .max_by_key(|shot| shot.recency())
    }

    /// Whether the EtcdSnapshot of this run is pinned.
    pub(super) fn is_pinned(&self, run_id: &str) -> bool {
        let mut pinned = self.snapshots.iter().filter(|shot| shot.pinned);
        pinned.any(|shot| shot.run_id.as_deref() == Some(run_id))
    }
}

/// Where what a snapshot stored is, as far as its status tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the store that the plan names, or nothing is stored.
    Here,
    /// In another one than was listed: the plan was edited since.
    Elsewhere,
}

/// An EtcdSnapshot of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Shot {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub phase: SnapshotPhase,
    /// Why, in one word.
    pub reason: Option<String>,
    /// Why, in a sentence.
    pub message: Option<String>,
    /// The slot that it was created for. `None`: somebody asked, or it was found in the store.
    pub slot: Option<DateTime<Utc>>,
    /// It was created because the store had it.
    pub found: bool,
    /// The run that stored it.
    pub run_id: Option<String>,
    /// When the object was created.
    pub created: DateTime<Utc>,
    /// When the present or last attempt began.
    pub started: Option<DateTime<Utc>>,
    /// When that was over.
    pub completed: Option<DateTime<Utc>>,
    /// Never to be pruned.
    pub pinned: bool,
    /// On its way out.
    pub deleting: bool,
    /// Where what it stored is.
    pub whereabouts: Whereabouts,
    /// What it stored, as its status says: for the time until the store is listed again.
    pub backup: Option<Backup>,
    /// What it stored, where the store has it no more.
    pub missing: Option<Candidate>,
}

impl Shot {
    /// When it last began or ended.
    pub fn moment(&self) -> DateTime<Utc> {
        self.completed.or(self.started).unwrap_or(self.created)
    }

    /// For comparing snapshots by how recent they are. Objects hold whole seconds, and in one second a run may fail and the next
    /// succeed: of those the later to begin counts, then the later to be asked for; and if they differ in nothing of that, a
    /// failure counts least, since something else came of that second.
    pub fn recency(&self) -> impl Ord + use<> {
        let standing = match self.phase {
            SnapshotPhase::Failed => 0,
            SnapshotPhase::Succeeded | SnapshotPhase::Missing => 1,
            SnapshotPhase::Pending | SnapshotPhase::Running => 2,
        };
        (self.moment(), self.started, self.created, standing)
    }

    /// Whether what it stored is in a store that the plan named before.
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self.whereabouts, Whereabouts::Elsewhere)
    }

    /// Whether it is to be taken or being taken.
    pub const fn is_active(&self) -> bool {
        !self.phase.is_terminal() && !self.deleting && !self.found
    }

    /// The run that it shows. One that failed shows none, whichever it names.
    pub fn shows(&self) -> Option<&str> {
        let failed = self.phase == SnapshotPhase::Failed;
        self.run_id.as_deref().filter(|_| !failed)
    }

    /// Whether a slot that comes now is left out: an earlier slot is not over, or anything runs. What somebody
    /// asked for and what merely waits must not cost a scheduled backup; the pool runs them one after the other.
    pub fn holds_up_slots(&self) -> bool {
        self.is_active() && (self.slot.is_some() || self.phase == SnapshotPhase::Running)
    }
}

/// A stored backup.
#[derive(Debug, Clone, PartialEq)]
pub struct Backup {
    /// The run that wrote it.
    pub run_id: String,
    /// The slot that it was taken for.
    pub slot: Option<DateTime<Utc>>,
    /// When the run began: the data is no older.
    pub taken: DateTime<Utc>,
    /// When it was proved, if it was.
    pub verified: Option<DateTime<Utc>>,
    /// Its revision.
    pub revision: i64,
    /// Bytes as etcd sent it.
    pub size: u64,
    /// Bytes that it takes in the store.
    pub stored: u64,
    /// The etcd cluster.
    pub cluster_id: String,
    /// Version of the member.
    pub version: Option<String>,
    /// Members of the cluster, as far as known.
    pub members: Option<u32>,
}

/// What the store said.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreView {
    /// When its answer was complete.
    pub at: DateTime<Utc>,
    /// The answer has everything that was stored before this moment; what was stored later may be lacking.
    pub since: DateTime<Utc>,
    /// Where the plan's part of it is, if it could be opened.
    pub place: Option<String>,
    /// What it holds, or why that is not known.
    pub holds: Result<Holdings, Trouble>,
    /// What the last pruning did.
    pub retention: Option<Result<Pruning, Trouble>>,
    /// When it last answered a wish to delete, if there was one.
    pub deleted: Option<DateTime<Utc>>,
}

/// What a store holds of one plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holdings {
    /// Where.
    pub location: String,
    /// Complete backups.
    pub backups: Vec<Backup>,
    /// How many manifests cannot be read or have no object, and what is wrong with the first.
    pub broken: Option<(usize, String)>,
}

/// What a pruning did, or would have done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pruning {
    /// When.
    pub at: DateTime<Utc>,
    /// Nothing was removed on purpose.
    pub dry_run: bool,
    /// The plan has another policy by now, or another time zone to count days in.
    pub superseded: bool,
    /// How many stay.
    pub kept: usize,
    /// What was removed, or would be, and why.
    pub removed: Vec<RetentionCandidate>,
    /// Why not all of that would go as things stand; or, unless it is a dry run, why some stays.
    pub held: Option<Trouble>,
    /// What would be removed, were it not locked, and until when. It is among those that stay.
    pub locked: Vec<RetentionCandidate>,
    /// What was about to go when somebody wanted it, if anything.
    pub spared: Option<Trouble>,
    /// How many could not be removed.
    pub refused: usize,
    /// The first of them, and why not.
    pub failed: Option<Trouble>,
}

/// What is to happen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// The finalizer is to be added or removed. It comes first and alone.
    pub finalizer: Option<Finalizer>,
    /// EtcdSnapshots to create.
    pub create: Vec<NewSnapshot>,
    /// EtcdSnapshots to delete, by name.
    pub delete: Vec<String>,
    /// EtcdSnapshots to look at again, by name: what the store said concerns them.
    pub wake: Vec<String>,
    /// What is to be asked of the store.
    pub job: Option<StoreJob>,
    /// What is to become of its drills. What its status and its notes say of them is in those below.
    pub drill: drill::Decision,
    /// What the status is to say.
    pub status: EtcdBackupStatus,
    /// What is to be told.
    pub notes: Vec<Note>,
    /// When to look again if nothing happens before.
    pub again: Option<DateTime<Utc>>,
}

/// What is to become of the finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finalizer {
    /// The plan must not go before its data is gone.
    Add,
    /// The plan may go.
    Remove,
}

/// An EtcdSnapshot to create. Its name is the key of idempotency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The name.
    pub name: String,
    /// Why.
    pub origin: Origin,
}

/// Why an EtcdSnapshot is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// For a slot of the schedule.
    Slot(DateTime<Utc>),
    /// Somebody annotated the plan.
    Asked,
    /// The store holds it.
    Found {
        /// The run that wrote it.
        run_id: String,
        /// The slot that it was taken for.
        slot: Option<DateTime<Utc>>,
    },
}

/// What is asked of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreJob {
    /// List it.
    Sync,
    /// Apply retention, then list.
    Prune {
        /// Only say what would go.
        dry_run: bool,
        /// What EtcdSnapshots stand for and the store has no more.
        missing: Vec<Candidate>,
    },
    /// Remove everything of this plan.
    DeleteAll,
}
