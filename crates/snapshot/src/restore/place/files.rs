//! Files and directories as etcd makes them, and on the disk when that is asked.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::Path;

use crate::restore::error::RestoreError;

/// Creates a directory for its owner alone (`fileutil.PrivateDirMode`).
pub(in crate::restore) fn create_directory(path: &Path) -> Result<(), RestoreError> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(RestoreError::file("create", path))
}

/// Creates a file for its owner alone (`fileutil.PrivateFileMode`). It must not be there.
pub(in crate::restore) fn create_file(path: &Path) -> Result<File, RestoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(RestoreError::file("create", path))
}

/// Brings a directory's entries to the disk.
pub(super) fn sync_directory(path: &Path) -> Result<(), RestoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(RestoreError::file("sync", path))
}

/// Gives a file or directory to a user and group, unless it is theirs.
fn give_to(path: &Path, (user, group): (u32, u32)) -> Result<(), RestoreError> {
    let metadata = fs::symlink_metadata(path).map_err(RestoreError::file("look at", path))?;
    if (metadata.uid(), metadata.gid()) == (user, group) {
        return Ok(());
    }
    chown(path, Some(user), Some(group)).map_err(RestoreError::file("change the owner of", path))
}

/// Gives a tree to its owner and syncs all of it, what is inside first.
pub(super) fn settle(path: &Path, owner: Option<(u32, u32)>) -> Result<(), RestoreError> {
    if let Some(owner) = owner {
        give_to(path, owner)?;
    }
    let metadata = fs::symlink_metadata(path).map_err(RestoreError::file("look at", path))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).map_err(RestoreError::file("read", path))? {
            settle(&entry.map_err(RestoreError::file("read", path))?.path(), owner)?;
        }
    }
    sync_directory(path)
}
