use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_store::Lock;

use super::PolicyError;
use crate::layout::{ClusterId, RunId};

/// What retention needs to know of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, from another source than the others"
)]
pub struct Candidate {
    /// Which one.
    pub id: RunId,
    /// Its time: when the attempt began (`times.started` of the manifest).
    pub time: DateTime<Utc>,
    /// The etcd it came from.
    pub generation: ClusterId,
    /// Is it a complete, verified backup of this plan?
    pub standing: Standing,
    /// A person said never to remove it.
    pub pinned: bool,
    /// A restore is reading it.
    pub in_use: bool,
    /// What is known of a lock that keeps it from being removed.
    pub lock: Option<Lock>,
    /// Bytes of the snapshot, before compression.
    pub size: u64,
    /// etcd's revision.
    pub revision: i64,
    /// It was taken without a quorum.
    pub degraded: bool,
    /// The alarm CORRUPT was raised in the cluster that it came from.
    pub suspect: bool,
}

/// Does a backup take part in retention at all?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Complete and verified, and written by this very plan.
    Verified,
    /// Broken, incomplete, or a later check failed.
    Unverified,
    /// Written by another bearer of the plan's name, or by another cluster.
    Foreign,
}

/// What becomes of every candidate: each is in exactly one of `keep`, `remove`, `held` and `ignored`, all newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionPlan {
    /// What stays, and every reason why.
    pub keep: Vec<Kept>,
    /// What is to be removed, oldest last.
    pub remove: Vec<Removal>,
    /// Why nothing is removed, or not all that the policy names ([`Hold::ClockLeap`]).
    pub hold: Option<Hold>,
    /// What the policy would have removed, were it not for `hold`.
    pub held: Vec<Removal>,
    /// What does not take part.
    pub ignored: Vec<Ignored>,
}

/// A backup that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub id: RunId,
    /// Every reason why, never empty.
    pub reasons: Vec<KeepReason>,
}

impl Kept {
    /// The lock that alone keeps it.
    pub fn only_locked(&self) -> Option<Lock> {
        match self.reasons[..] {
            [KeepReason::Locked(lock)] => Some(lock),
            _ => None,
        }
    }
}

/// A backup that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub id: RunId,
    /// Why.
    pub why: RemoveReason,
}

/// A backup that no policy touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Which.
    pub id: RunId,
    /// Why.
    pub why: IgnoreReason,
}

/// Why a backup stays. A period's name is as people of the time zone write it: `2026-11-23 06h +01:00`, `2026-11-23`,
/// `2026-W48`, `2026-11`, `2026`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// It is the newest verified one, which is never removed.
    Newest,
    /// A person pinned it.
    Pinned,
    /// A restore is reading it.
    InUse,
    /// The store keeps it from being removed.
    Locked(Lock),
    /// What would take its place was taken without a quorum, and it was not.
    Undegraded,
    /// The policy has no rule that would remove it.
    NoRule,
    /// Among the last so many.
    Last,
    /// The newest of its hour.
    Hourly(String),
    /// The newest of its day.
    Daily(String),
    /// The newest of its week.
    Weekly(String),
    /// The newest of its month.
    Monthly(String),
    /// The newest of its year.
    Yearly(String),
}

/// Why a backup goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveReason {
    /// No rule of the policy names it.
    NoRuleNamesIt,
    /// Older than `maxAge`, measured at the newest verified backup.
    TooOld {
        /// Its age.
        age: Duration,
        /// The policy's bound.
        max_age: Duration,
    },
}

/// Why a backup does not take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoreReason {
    /// Of another generation.
    OtherGeneration(ClusterId),
    /// Not verified.
    Unverified,
    /// Of another plan with this name.
    Foreign,
}

/// Why what the policy names is not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// The policy makes no sense.
    InvalidPolicy(PolicyError),
    /// A backup of this generation lies in the future: this clock or the one that wrote it is wrong.
    ClockBehind {
        /// That backup's time.
        newest: DateTime<Utc>,
    },
    /// The newest backup was taken while some member's data was known to differ from the others'.
    CorruptAlarm {
        /// That backup's time.
        newest: DateTime<Utc>,
    },
    /// A backup is so long after the one before it that the clock may have leapt. Only what that gap makes old is held.
    ClockLeap {
        /// Time between the two.
        gap: TimeDelta,
        /// The time of the later one.
        after: DateTime<Utc>,
    },
    /// The newest snapshot is less than half the size of the one before it.
    Shrunk {
        /// Size of the one before, in bytes.
        from: u64,
        /// Size of the newest, in bytes.
        to: u64,
    },
    /// The newest snapshot stands at a lower revision than the one before it: etcd was restored or replaced.
    RevisionWentBack {
        /// Revision of the one before.
        from: i64,
        /// Revision of the newest.
        to: i64,
    },
}

impl Hold {
    /// A stable word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidPolicy(_) => "InvalidPolicy",
            Self::ClockBehind { .. } => "ClockBehind",
            Self::CorruptAlarm { .. } => "CorruptAlarm",
            Self::ClockLeap { .. } => "ClockLeap",
            Self::Shrunk { .. } => "SnapshotShrunk",
            Self::RevisionWentBack { .. } => "RevisionWentBack",
        }
    }
}
