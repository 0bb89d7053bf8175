//! Files and directories, with the mistakes that matter told.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use super::error::AgentError;

/// The set-group-id bit and the group's rights of a directory: what the kubelet gives volumes with an `fsGroup`
/// (kubernetes, pkg/volume/volume_linux.go, `changeFilePermission`).
pub(super) const SHARED: u32 = 0o2070;

/// Creates a directory and what it is in, as etcd creates it (`fileutil.PrivateDirMode`), and in a volume of a group for that
/// group too.
pub(super) fn create(path: &Path) -> Result<(), AgentError> {
    let Some(parent) = path.parent().filter(|_| !path.is_dir()) else {
        return Ok(());
    };
    create(parent)?;
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(AgentError::file("create", path))?;
    let mode = fs::metadata(parent)
        .map_err(AgentError::file("look at", parent))?
        .mode();
    if mode & SHARED == SHARED {
        fs::set_permissions(path, Permissions::from_mode(0o700 | SHARED))
            .map_err(AgentError::file("change the mode of", path))?;
    }
    Ok(())
}

/// Whether something is there. A link that leads nowhere counts.
pub(super) fn is_there(path: &Path) -> Result<bool, AgentError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(AgentError::file("look at", path)(error)),
    }
}

/// Removes a directory with all that is in it, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), AgentError> {
    match fs::remove_dir_all(path) {
        Err(error) if !is_absent(&error) => Err(AgentError::file("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Brings a file, or what a directory lists, to the disk.
pub(super) fn sync(path: &Path) -> Result<(), AgentError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(AgentError::file("sync", path))
}

/// Whether that is what an error says: nothing is there.
pub(super) fn is_absent(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
