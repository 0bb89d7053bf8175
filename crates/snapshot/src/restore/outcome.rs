//! What a restore made.

use std::fmt;
use std::path::PathBuf;

use crate::report::HashKv;

/// A restored cluster's directories, in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The revision that the cluster starts at.
    pub revision: i64,
    /// What every member answers when asked for the HashKV of that revision, once it runs. `None` when telling would have
    /// taken too much memory: see [`restore`](super::restore).
    pub hash_kv: Option<HashKv>,
    /// Those that were asked for.
    pub members: Vec<RestoredMember>,
    /// The new cluster's id.
    pub cluster_id: u64,
    /// What to give etcd as `--initial-cluster-token`.
    pub token: String,
    /// How far the revision was raised beyond the snapshot's last; 0 if it was not.
    pub bumped_by: u64,
    /// Keys of the snapshot that are not in the directories.
    pub left_out: Vec<LeftOut>,
    /// What whoever starts the cluster should know.
    pub warnings: Vec<Warning>,
}

/// A member's directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredMember {
    /// Its name.
    pub name: String,
    /// Its id in the new cluster.
    pub id: u64,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Where its log is, if not there.
    pub wal_dir: Option<PathBuf>,
    /// Where directories that were there before are now.
    pub replaced: Vec<PathBuf>,
}

/// What was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOut {
    /// Members of the old cluster: these are another's.
    Members {
        /// How many, removed ones included.
        count: u64,
    },
    /// Which of them voted (`confState`), which etcdutl leaves in.
    ConfState,
    /// NOSPACE alarms, which would make the cluster read-only.
    NoSpaceAlarms {
        /// How many members had raised it.
        count: u64,
    },
    /// CORRUPT alarms, as was asked for.
    CorruptAlarms {
        /// How many members had raised it.
        count: u64,
    },
    /// A downgrade that was under way: etcd 3.5 would refuse to start.
    Downgrade {
        /// To which version.
        target: String,
    },
    /// What happened after the revision that was asked for.
    Later {
        /// Puts and deletions.
        records: u64,
        /// That revision.
        revision: i64,
    },
}

impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members { count } => write!(out, "{count} members of the old cluster: this is a new one"),
            Self::ConfState => {
                out.write_str("who voted in the old cluster (confState): its ids mean nothing here")
            }
            Self::NoSpaceAlarms { count } => write!(
                out,
                "{count} NOSPACE alarms: the new database has no free pages, and the alarm would make the cluster read-only"
            ),
            Self::CorruptAlarms { count } => write!(out, "{count} CORRUPT alarms, as was asked for"),
            Self::Downgrade { target } => write!(
                out,
                "a pending downgrade to {target}: the new cluster starts with the version it is given"
            ),
            Self::Later { records, revision } => {
                write!(
                    out,
                    "{records} puts and deletions after revision {revision}, as was asked for"
                )
            }
        }
    }
}

/// What does not keep a restore from succeeding, but should be known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A member had raised CORRUPT, and the alarm was kept.
    CorruptAlarm,
    /// Revisions are used again.
    RevisionsReused,
    /// Leases that had ended were made again, so that keys attached to them expire.
    LeasesMade {
        /// How many.
        count: u64,
        /// With this many seconds to live.
        ttl: i64,
    },
    /// The SHA-256 that etcd appends was missing or not looked at.
    HashNotChecked,
    /// HashKV could not be told within the memory allowed.
    HashKvUnknown,
    /// The data is of an older etcd, more than one minor version behind.
    LongUpgrade {
        /// The data's version.
        data: String,
        /// The target's.
        target: String,
    },
    /// A compaction was under way; etcd ends it when it starts.
    CompactionUnderWay,
    /// A directory that an earlier, killed restore left: it may hold what was in place before.
    Leftover {
        /// Where.
        path: PathBuf,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorruptAlarm => out.write_str(
                "a CORRUPT alarm was raised when the snapshot was taken: check the data, then `etcdctl alarm disarm`, as etcd \
                 refuses reads and writes until then",
            ),
            Self::RevisionsReused => out.write_str(
                "revisions were kept: clients that saw later ones (Kubernetes' controllers and API servers) have to be \
                 restarted, or they miss changes",
            ),
            Self::LeasesMade { count, ttl } => write!(
                out,
                "{count} leases that ended after the revision were made again with {ttl} s to live: how long they had lived is \
                 not known"
            ),
            Self::HashNotChecked => out.write_str("the snapshot's own SHA-256 was not checked, as was asked for"),
            Self::HashKvUnknown => out.write_str("there are too many keys to tell the HashKV"),
            Self::LongUpgrade { data, target } => write!(
                out,
                "the data is of etcd {data} and etcd {target} will run on it: etcd supports one minor version at a time"
            ),
            Self::CompactionUnderWay => {
                out.write_str("a compaction was under way when the snapshot was taken; etcd ends it when it starts")
            }
            Self::Leftover { path } => write!(
                out,
                "{} was left by a restore that was killed while it replaced a directory: it may hold what was there before",
                path.display()
            ),
        }
    }
}
