//! Fixtures, and restoring them into a scratch directory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use etcd_backup_bolt::{Limits, read::Database};
use etcd_backup_snapshot::restore::cluster::InitialCluster;
use etcd_backup_snapshot::restore::{
    Control, Existing, Request, RestoreError, Restored, Source, Target, restore,
};

use crate::fixture::{Fixture, LIVE, all, gunzip};

/// Buckets by name, entries by key.
pub(crate) type Buckets = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// The fixture of one version.
pub(crate) fn fixture(version: &str) -> Fixture {
    all()
        .into_iter()
        .find(|fixture| fixture.version == version)
        .unwrap()
}

impl Fixture {
    /// What etcdutl made of it for the first of so many members.
    pub(crate) fn theirs(&self, members: usize) -> (Buckets, Vec<u8>) {
        let folder = self.folder.join(format!("restore-{members}"));
        let database = gunzip(&folder.join("db.gz"));
        (
            buckets(&database),
            std::fs::read(folder.join("wal.prefix")).unwrap(),
        )
    }

    /// HashKV of a live member at one of the three revisions.
    pub(crate) fn live_hash(&self, revision: i64) -> u32 {
        let hash = &self.json(LIVE)["hashkv"][revision.to_string()]["hash"];
        hash.as_u64().unwrap() as u32
    }
}

/// Everything in a database, read by the simple reader.
pub(crate) fn buckets(database: &[u8]) -> Buckets {
    let opened = Database::open(database, &Limits::default()).unwrap();
    let buckets = opened.load().unwrap();
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    buckets
        .iter()
        .map(|bucket| {
            let items = bucket.items.iter();
            let items = items
                .map(|item| (item.key.to_vec(), item.value.to_vec()))
                .collect();
            (text(bucket.name), items)
        })
        .collect()
}

/// What the fixtures were restored for.
pub(crate) fn cluster(members: usize) -> InitialCluster {
    let text: Vec<_> = (0..members)
        .map(|member| format!("m{member}=http://10.0.0.{}:2380", member + 1))
        .collect();
    InitialCluster::parse(&text.join(",")).unwrap()
}

/// A scratch directory and what is in it.
pub(crate) struct Scratch(pub(crate) tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A request for m0 of so many members, into `m0.etcd`, that keeps revisions.
    pub(crate) fn request(&self, members: usize) -> Request {
        let mut request = Request::new(cluster(members), vec![self.target(0)], [7; 16]);
        request.token = Some("tok1".to_owned());
        request.bump_revision = 0;
        request
    }

    pub(crate) fn target(&self, member: usize) -> Target {
        Target {
            name: format!("m{member}"),
            data_dir: self.path(&format!("m{member}.etcd")),
            wal_dir: None,
        }
    }

    /// Names of everything directly in it.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    pub(crate) fn database(&self, member: usize) -> Vec<u8> {
        std::fs::read(self.path(&format!("m{member}.etcd/member/snap/db"))).unwrap()
    }

    pub(crate) fn log(&self, member: usize) -> Vec<u8> {
        let name = "0000000000000000-0000000000000000.wal";
        std::fs::read(self.path(&format!("m{member}.etcd/member/wal/{name}"))).unwrap()
    }
}

/// Restores from a file with these bytes.
pub(crate) fn restore_file(snapshot: &[u8], request: &Request) -> Result<Restored, RestoreError> {
    restore_with(snapshot, request, Control::default())
}

pub(crate) fn restore_with(
    snapshot: &[u8],
    request: &Request,
    control: Control<'_>,
) -> Result<Restored, RestoreError> {
    restore(Source::File(file_of(snapshot)), request, control)
}

/// A file with these bytes that has no name.
pub(crate) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// An old data directory, told by one file.
pub(crate) fn old(scratch: &Scratch, name: &str) {
    std::fs::create_dir_all(scratch.path(name).join("member/snap")).unwrap();
    std::fs::write(scratch.path(name).join("member/snap/db"), "old").unwrap();
}

pub(crate) fn is_old(path: &Path) -> bool {
    std::fs::read(path.join("member/snap/db")).is_ok_and(|bytes| bytes == b"old")
}

/// Whether everything that belongs into a data directory is there.
pub(crate) fn is_new(path: &Path) -> bool {
    let complete = [
        "member/snap/db",
        "member/wal/0000000000000000-0000000000000000.wal",
    ];
    !is_old(path) && complete.iter().all(|file| path.join(file).exists())
}

/// What is in the way goes aside.
pub(crate) fn replace(request: &mut Request) {
    request.existing = Existing::Replace {
        stamp: "20261124T140500Z".to_owned(),
    };
}
