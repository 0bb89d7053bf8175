use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::Recipients;
use crate::{
    layout::{ClusterId, Form, Location, PlanKey, RunId},
    manifest::{Compression, Level, SnapshotObject, Tool, Trigger},
};

/// What to write, and all that its manifest says which the bytes themselves do not.
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// The plan it is for.
    pub plan: PlanKey,
    /// The plan's UID, where there is Kubernetes.
    pub plan_uid: Option<String>,
    /// UID of the Kubernetes cluster that the plan lives in.
    pub kubernetes_cluster_uid: Option<String>,
    /// This attempt, from [`RunId::generate`] with `started`. Never used for another attempt.
    pub run: RunId,
    /// Where the bytes come from.
    pub source: Source,
    /// The slot of the schedule that this fills.
    pub scheduled: Option<DateTime<Utc>>,
    /// When the attempt began: the backup's time.
    pub started: DateTime<Utc>,
    /// The time at which [`write`](super::write) is called. Later times derive from it and a monotonic clock.
    pub now: DateTime<Utc>,
    /// What asked for it.
    pub trigger: Trigger,
    /// The Kubernetes object that it is taken for; none without Kubernetes.
    pub etcd_snapshot: Option<SnapshotObject>,
    /// How to compress.
    pub compression: Compression,
    /// To whom to encrypt.
    pub encryption: Option<Recipients>,
    /// How far what is stored is to be proved.
    pub verification: Level,
    /// Who writes it.
    pub tool: Tool,
    /// Bounds on memory and disk.
    pub limits: Limits,
}

/// The member that gives the snapshot.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its cluster's id.
    pub cluster_id: ClusterId,
    /// Its id.
    pub member_id: ClusterId,
    /// Its name.
    pub member_name: String,
    /// The server's version.
    pub version: String,
    /// Bytes of the whole snapshot, trailer included, if known before the first byte (etcd announces it). The run fails
    /// when the source does not keep to it. Known, it is also recorded in the zstd frame.
    pub size: Option<u64>,
    /// The revision of a linearizable read made before the snapshot was asked for. A snapshot below it is stale, and refused.
    pub minimum_revision: i64,
    /// The cluster had lost its quorum.
    pub degraded: bool,
    /// How many members the cluster has, learners included, if known.
    pub members: Option<u32>,
    /// The alarm CORRUPT is raised in the cluster.
    pub corrupt_alarm: bool,
}

/// Bounds on memory and disk.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Parts sent at once, at least 1.
    pub parts_in_flight: usize,
    /// Where bytes wait for the store.
    pub spool: SpoolLimits,
}

/// Where bytes wait when the store is slower than etcd. What does not fit ends the run: holding etcd's stream open instead
/// would make the member's database grow, and a defragmentation would then block every write.
#[derive(Debug, Clone)]
pub struct SpoolLimits {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes on disk, once memory is full; 0 for none.
    pub disk: u64,
    /// The directory of the spool's file, which is readable by nobody else and has no name: nothing is left of it, however
    /// the process ends.
    pub directory: PathBuf,
}

impl Default for Limits {
    /// Three parts in flight, 8 MiB of memory and 8 GiB (the most that etcd recommends a database to have) of disk in the
    /// system's temporary directory.
    fn default() -> Self {
        let spool = SpoolLimits {
            memory: 8 << 20,
            disk: 8 << 30,
            directory: std::env::temp_dir(),
        };
        Self {
            parts_in_flight: 3,
            spool,
        }
    }
}

impl WriteRequest {
    /// Where the backup will lie.
    pub fn location(&self) -> Location {
        Location {
            plan: self.plan.clone(),
            cluster: self.source.cluster_id,
            run: self.run,
        }
    }

    /// The form it will have.
    pub fn form(&self) -> Form {
        Form {
            zstd: self.compression.is_zstd(),
            age: self.encryption.is_some(),
        }
    }
}
