use std::fmt;

use super::{ClusterId, MANIFEST_FILE, OWNER_FILE, PlanKey, RunId};

/// Where one backup lies: the folder that holds its snapshot and its manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The plan it belongs to.
    pub plan: PlanKey,
    /// The generation: which etcd it came from.
    pub cluster: ClusterId,
    /// The attempt that wrote it.
    pub run: RunId,
}

/// In what form a snapshot is stored. Its file name says how to read it without us: `age -d`, then `zstd -d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Form {
    /// Compressed with zstd.
    pub zstd: bool,
    /// Encrypted with age, after compressing.
    pub age: bool,
}

/// What a key of a plan turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The plan's `owner.json`.
    Owner,
    /// A manifest.
    Manifest(Location),
    /// A snapshot.
    Snapshot(Location, Form),
}

impl Form {
    /// Every form there is.
    pub const ALL: [Self; 4] = [
        Self {
            zstd: false,
            age: false,
        },
        Self {
            zstd: true,
            age: false,
        },
        Self {
            zstd: false,
            age: true,
        },
        Self {
            zstd: true,
            age: true,
        },
    ];

    /// `snapshot.db`, with the ending of each step in the order in which it was applied.
    pub fn file_name(self) -> &'static str {
        match (self.zstd, self.age) {
            (false, false) => "snapshot.db",
            (true, false) => "snapshot.db.zst",
            (false, true) => "snapshot.db.age",
            (true, true) => "snapshot.db.zst.age",
        }
    }

    /// The form that a file name stands for; `None` for any name but the four.
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.file_name() == name)
    }
}

impl Location {
    /// The folder, ending with `/`.
    pub fn prefix(&self) -> String {
        format!("{}{}/{}/", self.plan.prefix(), self.cluster, self.run)
    }

    /// Key of the manifest.
    pub fn manifest_key(&self) -> String {
        format!("{}{MANIFEST_FILE}", self.prefix())
    }

    /// Key of the snapshot.
    pub fn snapshot_key(&self, form: Form) -> String {
        format!("{}{}", self.prefix(), form.file_name())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.plan, self.cluster, self.run)
    }
}

impl PlanKey {
    /// What `key` is, if it is one that this plan could have written; `None` for everything else: other plans, look-alike
    /// names, folders, deeper keys, keys that only nearly match.
    pub fn recognise(&self, key: &str) -> Option<Found> {
        let below = key.strip_prefix(self.prefix().as_str())?;
        if below == OWNER_FILE {
            return Some(Found::Owner);
        }
        let mut parts = below.split('/');
        let (cluster, run, file) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let location = Location {
            plan: self.clone(),
            cluster: cluster.parse().ok()?,
            run: run.parse().ok()?,
        };
        if file == MANIFEST_FILE {
            return Some(Found::Manifest(location));
        }
        Form::from_file_name(file).map(|form| Found::Snapshot(location, form))
    }
}
