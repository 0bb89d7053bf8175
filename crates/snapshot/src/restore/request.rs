//! What is to be restored, and how.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::cluster::InitialCluster;
use crate::report::HashKv;

/// Where the snapshot comes from.
pub enum Source<'a> {
    /// A file, read in place. It must not change meanwhile.
    File(File),
    /// Bytes that come but once: standard input, or an object of a store that is being decrypted and decompressed. They are
    /// kept in a file beside the first target until its database is built.
    Reader(Box<dyn Read + Send + 'a>),
}

impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::File(_) => "Source::File",
            Self::Reader(_) => "Source::Reader",
        })
    }
}

/// A member to make a data directory for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in the initial cluster.
    pub name: String,
    /// Its data directory (`--data-dir`).
    pub data_dir: PathBuf,
    /// Where its log goes, if not into the data directory (`--wal-dir`).
    pub wal_dir: Option<PathBuf>,
}

/// What to do with a directory that is already there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Existing {
    /// Refuse, unless it is empty.
    #[default]
    Refuse,
    /// Rename it to `<directory>.replaced-<stamp>` (with `-2` and so on where that is taken). Nothing in it is changed or deleted.
    Replace {
        /// The time, as it should stand in the name: `20261124T140500Z`. Letters, digits and `-` only.
        stamp: String,
    },
}

/// What to do with symbolic links on the way to a target. A target itself must not be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// Follow those that an administrator put there. It is done once, before anything is looked at.
    #[default]
    Follow,
    /// Refuse them: the paths are absolute, and were resolved before.
    Refuse,
}

/// What to do with alarms that were raised when the snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Alarms {
    /// Leave NOSPACE out: the new database has no free pages, and the alarm would make the cluster read-only. Keep CORRUPT:
    /// whoever restores such a snapshot should know, and it may well be the corrupt member's.
    #[default]
    DropNoSpace,
    /// Leave all out.
    Drop,
    /// Keep all, as etcdutl does.
    Keep,
}

/// What the snapshot should be, as a manifest says it. What is given is proved before anything is put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// Bytes of the whole file.
    pub size: Option<u64>,
    /// SHA-256 of the whole file, trailer included.
    pub sha256: Option<[u8; 32]>,
    /// What a member answered, or would have.
    pub hash_kv: Option<HashKv>,
}

/// An etcd version, as far as formats depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtcdVersion {
    /// 3.
    pub major: u64,
    /// The 6 of 3.6.
    pub minor: u64,
}

/// A restore. [`Request::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct Request {
    /// Everybody who will be in the cluster.
    pub cluster: InitialCluster,
    /// Those of them to make directories for; all get the same data.
    pub targets: Vec<Target>,
    /// The cluster's token (`--initial-cluster-token`). `None`: one that no other restore has, of the form
    /// `etcd-restore-<32 hexadecimal digits>`. Members of an old cluster, or of an earlier restore, cannot then mix with this
    /// one. Every member's restore has to be given the same one.
    pub token: Option<String>,
    /// Random bytes of the caller's. They name the temporary directories and, unless one is given, the token.
    pub random: [u8; 16],
    /// How far beyond the last revision that the snapshot knows of the new cluster starts, with everything before it marked
    /// as compacted. So no client mistakes a new revision for an old one: watches and paged lists from before end with
    /// "compacted" and begin anew. 0 keeps revisions. Default 1,000,000,000.
    pub bump_revision: u64,
    /// Go back to this revision: what came later is left out. Has to lie within the snapshot's history. `None`: as it was.
    pub revision: Option<i64>,
    /// How long a lease lives that keys at `revision` are attached to and that ended before the snapshot, in seconds.
    /// Without it such keys would never expire. Default 3600, which Kubernetes gives its events.
    pub missing_lease_ttl: i64,
    /// The etcd that will run on the directories, to refuse data that is newer than it can read.
    pub target_version: Option<EtcdVersion>,
    /// What to do with alarms.
    pub alarms: Alarms,
    /// Take a database without the SHA-256 behind it, as a file copied from a data directory has none. If there is one, it is
    /// not looked at.
    pub skip_hash_check: bool,
    /// What the snapshot should be.
    pub expected: Expected,
    /// What to do with directories that are there.
    pub existing: Existing,
    /// What to do with links on the way to them.
    pub links: Links,
}

impl Request {
    /// With the defaults.
    pub fn new(cluster: InitialCluster, targets: Vec<Target>, random: [u8; 16]) -> Self {
        Self {
            cluster,
            targets,
            token: None,
            random,
            bump_revision: 1_000_000_000,
            revision: None,
            missing_lease_ttl: 3600,
            target_version: None,
            alarms: Alarms::default(),
            skip_hash_check: false,
            expected: Expected::default(),
            existing: Existing::default(),
            links: Links::default(),
        }
    }

    /// The token that members will be made with.
    pub fn token(&self) -> String {
        let unique = || format!("etcd-restore-{}", hex::encode(self.random));
        self.token.clone().unwrap_or_else(unique)
    }
}
