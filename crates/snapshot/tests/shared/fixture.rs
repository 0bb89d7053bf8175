//! tests/fixtures/etcd: snapshots of real servers, and what etcd and its tools said and made of them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

/// What both generations of `etcdutl snapshot status` said.
pub(crate) const STATUS: &str = "etcdutl-status.json";
/// What the live member said.
pub(crate) const LIVE: &str = "expect.json";

/// One folder.
pub(crate) struct Fixture {
    /// The release of the server.
    pub(crate) version: String,
    pub(crate) snapshot: Vec<u8>,
    pub(crate) folder: PathBuf,
}

/// All of them by version; there are five.
pub(crate) fn all() -> Vec<Fixture> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/etcd"));
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut fixtures: Vec<Fixture> = entries.filter(|path| path.is_dir()).map(Fixture::read).collect();
    fixtures.sort_by(|one, other| one.version.cmp(&other.version));
    assert_eq!(fixtures.len(), 5);
    fixtures
}

impl Fixture {
    fn read(folder: PathBuf) -> Self {
        Self {
            version: folder.file_name().unwrap().to_string_lossy().into_owned(),
            snapshot: gunzip(&folder.join("snapshot.db.gz")),
            folder,
        }
    }

    /// One of its JSON files: [`STATUS`] or [`LIVE`].
    pub(crate) fn json(&self, file: &str) -> Value {
        assert!([STATUS, LIVE].contains(&file));
        serde_json::from_slice(&std::fs::read(self.folder.join(file)).unwrap()).unwrap()
    }
}

pub(crate) fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}
