//! Directories that are held, so that what was looked at is what is changed.
//!
//! A restore often runs as root, and in places where others may write: the user of an etcd owns its data directory. Whoever
//! may rename something on the way to a path can put a symbolic link in its place between two looks at it, and have root
//! write, rename or give away files elsewhere. So a path is resolved once, with the links that an administrator put into it;
//! from there on everything is named by a [`Directory`] and one name in it, and no such name leads through a link.

mod change;
mod failed;
mod open;
mod tree;

#[cfg(test)]
pub(crate) mod tests;

pub use failed::Failed;

use std::ffi::OsStr;
use std::fs::{File, Metadata, TryLockError};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};

/// A directory that is open. It stays the same one, wherever it is renamed to and whatever takes its place.
#[derive(Debug)]
pub struct Directory {
    handle: File,
    /// Where it was when it was opened, without links: for messages.
    path: PathBuf,
}

impl Directory {
    /// Where it was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where something in it was then.
    pub fn at(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.path.join(name.as_ref())
    }

    /// What the system says of it.
    pub fn metadata(&self) -> Result<Metadata, Failed> {
        self.handle.metadata().map_err(Failed::at("look at", &self.path))
    }

    /// Whether this is what is called `name` in `parent`, now.
    pub fn is(&self, parent: &Self, name: impl AsRef<OsStr>) -> Result<bool, Failed> {
        let found = parent.look(name)?;
        let own = self.metadata()?;
        Ok(found.is_some_and(|found| is_same(&found, &own)))
    }

    /// Whether a path leads here, now, through whatever links are in it.
    pub fn is_at(&self, path: &Path) -> Result<bool, Failed> {
        let own = self.metadata()?;
        Ok(std::fs::metadata(path).is_ok_and(|found| is_same(&found, &own)))
    }

    /// Keeps others from locking it as long as this handle is open. False where another has it.
    pub fn lock(&self) -> Result<bool, Failed> {
        match self.handle.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(Failed::at("lock", &self.path)(error)),
        }
    }

    /// Whether a process has locked the file at a path below (bbolt does while a database is open). Links below are followed,
    /// as that process did: nothing is read, and nothing waits. What
    /// cannot be opened is no running etcd's.
    pub fn is_in_use(&self, path: &Path) -> bool {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(self, path, flags, Mode::empty()) else {
            return false;
        };
        let locked = File::from(file).try_lock_shared();
        matches!(locked, Err(TryLockError::WouldBlock))
    }

    /// Brings what it lists to the disk.
    pub fn sync(&self) -> Result<(), Failed> {
        self.handle.sync_all().map_err(Failed::at("sync", &self.path))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
