//! Creating a data directory for etcd.

use std::{os::unix::fs::MetadataExt, path::Path};

use etcd_backup_snapshot::directory::{Directory, Failed};
use rustix::fs::{Mode, fchmod};

/// The set-group-id bit and the group's rights of a directory: what the kubelet gives volumes with an `fsGroup`
/// (kubernetes, pkg/volume/volume_linux.go, `changeFilePermission`).
pub(super) const SHARED: u32 = 0o2070;

/// Creates a directory and what it is in, as etcd creates it (`fileutil.PrivateDirMode`), and in a volume of a group for that
/// group too. What there is of it is resolved.
pub(super) fn create(path: &Path) -> Result<Directory, Failed> {
    let found = Directory::resolve(path);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return found;
    };
    if !found.as_ref().is_err_and(Failed::is_absent) {
        return found;
    }
    let parent = create(parent)?;
    let created = parent.create_directory(name)?;
    if parent.metadata()?.mode() & SHARED == SHARED {
        fchmod(&created, Mode::RWXU | Mode::from_raw_mode(SHARED))
            .map_err(Failed::at("change the mode of", path))?;
    }
    Ok(created)
}
