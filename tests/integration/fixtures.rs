//! Snapshots of real servers, kept in the tree.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use flate2::read::GzDecoder;
use harness::binaries;

/// Folders of `tests/fixtures/etcd`, each with a snapshot of a real server.
pub(crate) fn folders() -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(root())? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    ensure!(folders.len() == 5, "{folders:?}");
    Ok(folders)
}

/// The one of a version: 154 revisions, compacted at 60.
pub(crate) fn of(version: &str) -> PathBuf {
    root().join(version)
}

/// The snapshot of a fixture as a file.
pub(crate) fn unpack(fixture: &Path, to: &Path) -> Result<()> {
    let packed = File::open(fixture.join("snapshot.db.gz"))?;
    io::copy(&mut GzDecoder::new(packed), &mut File::create(to)?)?;
    Ok(())
}

fn root() -> PathBuf {
    binaries::root().join("tests/fixtures/etcd")
}
