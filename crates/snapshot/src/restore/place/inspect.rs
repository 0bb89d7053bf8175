//! Looking at a place before anything is touched.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FlockOperation, StatxAttributes, StatxFlags, flock, statx};

use super::Purpose;
use crate::restore::error::RestoreError;

/// What is at a place.
#[derive(Debug)]
pub(super) struct Found {
    /// The directory it is in, without symbolic links.
    pub(super) parent: PathBuf,
    /// Its name there.
    pub(super) name: OsString,
    /// Something is there that would be lost.
    pub(super) occupied: bool,
    pub(super) only_member: bool,
    /// User and group of what is there.
    pub(super) owner: Option<(u32, u32)>,
}

/// Looks at a target. Refuses what cannot be renamed into place, or would lead elsewhere.
pub(super) fn look(directory: &Path, purpose: Purpose) -> Result<Found, RestoreError> {
    let refuse = |why| RestoreError::Target {
        path: directory.to_owned(),
        why,
    };
    let name = directory.file_name().ok_or(refuse("it has no name of its own"))?;
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = fs::canonicalize(parent).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => refuse("the directory it should be in does not exist: create it first"),
        _ => RestoreError::file("look at", parent)(error),
    })?;
    let found = Found {
        parent,
        name: name.to_owned(),
        occupied: false,
        only_member: false,
        owner: None,
    };
    let path = found.parent.join(&found.name);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(RestoreError::file("look at", &path)(error)),
    };
    if metadata.is_symlink() {
        return Err(refuse("it is a symbolic link: name the directory itself"));
    }
    if !metadata.is_dir() {
        return Err(refuse("it is not a directory"));
    }
    let owner = Some((metadata.uid(), metadata.gid()));
    if !is_mount(&path)? {
        let mut entries = fs::read_dir(&path).map_err(RestoreError::file("read", &path))?;
        return Ok(Found {
            occupied: entries.next().is_some(),
            owner,
            ..found
        });
    }
    if purpose == Purpose::Log {
        return Err(refuse(
            "it is the root of a mounted volume: choose a directory in it",
        ));
    }
    let member = path.join("member");
    Ok(Found {
        occupied: member.symlink_metadata().is_ok(),
        parent: path,
        name: "member".into(),
        only_member: true,
        owner,
    })
}

/// Whether a directory is the root of a mount, which cannot be renamed.
fn is_mount(path: &Path) -> Result<bool, RestoreError> {
    let root = StatxAttributes::MOUNT_ROOT;
    let status = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty())
        .map_err(|error| RestoreError::file("look at", path)(error.into()))?;
    Ok(status.stx_attributes_mask.contains(root) && status.stx_attributes.contains(root))
}

/// Refuses a directory whose database a process has locked, as etcd has it while it runs (bbolt's `flock`).
pub(super) fn refuse_if_in_use(path: &Path, only_member: bool) -> Result<(), RestoreError> {
    let member = if only_member {
        path.to_owned()
    } else {
        path.join("member")
    };
    // What cannot be opened is no running etcd's.
    let Ok(database) = File::open(member.join("snap/db")) else {
        return Ok(());
    };
    match flock(&database, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(RestoreError::InUse {
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What earlier restores left beside a place: what can be removed, and what must not be.
///
/// A restore that is at work has locked its directory.
pub(super) fn siblings(parent: &Path, name: &OsString) -> Result<(Vec<PathBuf>, Vec<PathBuf>), RestoreError> {
    let (mut stale, mut leftovers) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(parent).map_err(RestoreError::file("read", parent))?;
    for entry in entries {
        let entry = entry.map_err(RestoreError::file("read", parent))?;
        let is = |infix| is_ours(&entry.file_name(), name, infix);
        let path = entry.path();
        if is("swapping") {
            leftovers.push(path);
        } else if is("restoring") {
            let directory = File::open(&path).map_err(RestoreError::file("open", &path))?;
            if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_err() {
                let path = parent.join(name);
                return Err(RestoreError::Busy { path });
            }
            stale.push(path);
        }
    }
    Ok((stale, leftovers))
}

/// Whether a name is `<name>.<infix>-<16 hexadecimal digits>`.
fn is_ours(candidate: &OsString, name: &OsString, infix: &str) -> bool {
    let (Some(candidate), Some(name)) = (candidate.to_str(), name.to_str()) else {
        return false;
    };
    let suffix = candidate
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.')?.strip_prefix(infix)?.strip_prefix('-'));
    suffix.is_some_and(|suffix| suffix.len() == 16 && suffix.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
