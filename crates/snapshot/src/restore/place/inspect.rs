//! Looking at a place before anything is touched.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
use rustix::io::Errno;

use super::Purpose;
use crate::directory::{Directory, Failed};
use crate::restore::error::RestoreError;
use crate::restore::request::Links;

/// What is at a place.
#[derive(Debug)]
pub(super) struct Found {
    /// The path that was asked for.
    pub(super) asked: PathBuf,
    /// The directory it is in.
    pub(super) parent: Directory,
    /// Its name there.
    pub(super) name: OsString,
    /// Something is there that would be lost.
    pub(super) occupied: bool,
    pub(super) only_member: bool,
    /// User and group of what is there.
    pub(super) owner: Option<(u32, u32)>,
}

/// Looks at a target. Refuses what cannot be renamed into place, or would lead elsewhere.
pub(super) fn look(directory: &Path, purpose: Purpose, links: Links) -> Result<Found, RestoreError> {
    let refuse = |why| RestoreError::Target {
        path: directory.to_owned(),
        why,
    };
    let name = directory.file_name().ok_or(refuse("it has no name of its own"))?;
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = match links {
        Links::Follow => Directory::resolve(parent),
        Links::Refuse => Directory::without_links(parent),
    };
    let parent = parent.map_err(|failed| match failed {
        failed if failed.is_absent() => {
            refuse("the directory it should be in does not exist: create it first")
        }
        failed if failed.is_no_directory() => {
            refuse("what it should be in is no directory, or a symbolic link leads there")
        }
        failed => failed.into(),
    })?;
    let found = Found {
        asked: directory.to_owned(),
        parent,
        name: name.to_owned(),
        occupied: false,
        only_member: false,
        owner: None,
    };
    let Some(metadata) = found.parent.look(name)? else {
        return Ok(found);
    };
    if metadata.is_symlink() {
        return Err(refuse("it is a symbolic link: name the directory itself"));
    }
    if !metadata.is_dir() {
        return Err(refuse("it is not a directory"));
    }
    let owner = Some((metadata.uid(), metadata.gid()));
    let own = found.parent.directory(name)?;
    if purpose == Purpose::Data {
        refuse_mounts_below(&own)?;
    }
    if !is_mount(&own, "")? {
        return Ok(Found {
            occupied: !own.names()?.is_empty(),
            owner,
            ..found
        });
    }
    if purpose == Purpose::Log {
        return Err(refuse(
            "it is the root of a mounted volume: choose a directory in it",
        ));
    }
    Ok(Found {
        asked: directory.join("member"),
        occupied: own.look("member")?.is_some(),
        parent: own,
        name: "member".into(),
        only_member: true,
        owner,
    })
}

/// Refuses a data directory with a volume for one of etcd's own directories in it. The volume would go aside with the old directory, and when
/// the machine starts again it would be mounted over the new one: etcd would have the new data and the old log.
fn refuse_mounts_below(own: &Directory) -> Result<(), RestoreError> {
    for below in ["member", "member/wal", "member/snap"] {
        if is_mount(own, below)? {
            return Err(RestoreError::Target {
                path: own.path().to_owned(),
                why: "a volume is mounted in it, at member, member/wal or member/snap: unmount it first, and see that nothing mounts it \
                      again over what is restored",
            });
        }
    }
    Ok(())
}

/// Whether a directory, or one below it, is the root of a mount, which cannot be renamed.
fn is_mount(directory: &Directory, below: &str) -> Result<bool, RestoreError> {
    let root = StatxAttributes::MOUNT_ROOT;
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    match statx(directory, below, flags, StatxFlags::empty()) {
        Ok(status) => Ok(status.stx_attributes_mask.contains(root) && status.stx_attributes.contains(root)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(Failed::at("look at", &directory.at(below))(error).into()),
    }
}

/// Refuses a directory whose database a process has locked, as etcd has it while it runs (bbolt's `flock`).
pub(super) fn refuse_if_in_use(
    parent: &Directory,
    name: &OsStr,
    only_member: bool,
) -> Result<(), RestoreError> {
    let database = Path::new(name);
    let database = if only_member {
        database.join("snap/db")
    } else {
        database.join("member/snap/db")
    };
    if parent.is_in_use(&database) {
        return Err(RestoreError::InUse {
            path: parent.at(name),
        });
    }
    Ok(())
}

/// What earlier restores left beside a place: what can be removed, and what must not be.
///
/// A restore that is at work has locked its directory.
pub(super) fn siblings(
    parent: &Directory,
    name: &OsStr,
) -> Result<(Vec<OsString>, Vec<PathBuf>), RestoreError> {
    let (mut stale, mut leftovers) = (Vec::new(), Vec::new());
    for entry in parent.names()? {
        if is_ours(&entry, name, "swapping") {
            leftovers.push(parent.at(entry));
        } else if is_ours(&entry, name, "restoring") {
            if !parent.directory(&entry)?.lock()? {
                let path = parent.at(name);
                return Err(RestoreError::Busy { path });
            }
            stale.push(entry);
        }
    }
    Ok((stale, leftovers))
}

/// Whether a name is `<name>.<infix>-<16 hexadecimal digits>`.
fn is_ours(candidate: &OsStr, name: &OsStr, infix: &str) -> bool {
    let (Some(candidate), Some(name)) = (candidate.to_str(), name.to_str()) else {
        return false;
    };
    let suffix = candidate
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.')?.strip_prefix(infix)?.strip_prefix('-'));
    suffix.is_some_and(|suffix| suffix.len() == 16 && suffix.bytes().all(|digit| digit.is_ascii_hexdigit()))
}
