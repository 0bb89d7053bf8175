//! Where directories go, and how they get there.
//!
//! What is renamed into place is a data directory (or, where that is the root of a mounted volume and cannot be renamed, the
//! directory `member` in it), and a log directory where the log has one of its own. Beside each:
//!
//! | name | what it is |
//! |---|---|
//! | `<dir>.restoring-<16 hex>` | under construction, locked by its restore. Not locked: left by one that was killed, and removed by the next restore into the same place |
//! | `<dir>.swapping-<16 hex>` | about to change places with what is there, or just did: it holds the new or the old one. Lives for an instant; never removed, but named in a warning |
//! | `<dir>.replaced-<stamp>` | what was there before; `<stamp>-2` and so on where that name is taken |
//!
//! Where the filesystem can do it, the new and the old directory change places in one step (`RENAME_EXCHANGE`), so that one
//! of the two is in place at every instant. Elsewhere the old one is renamed aside first, and back if the second rename
//! fails.

mod commit;
mod files;
mod inspect;

pub(super) use commit::{Undo, commit, take_back};
pub(super) use files::{create_directory, create_file};

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::error::RestoreError;
use super::request::Existing;
use inspect::Found;

/// A place for a directory.
#[derive(Debug)]
pub(super) struct Place {
    /// What is renamed into place.
    path: PathBuf,
    /// The directory it is in.
    parent: PathBuf,
    /// Where it is built.
    staging: PathBuf,
    /// Its name while it changes places.
    swapping: PathBuf,
    /// Where goes what is there now.
    aside: Option<PathBuf>,
    /// It is the directory `member` of a data directory that cannot be renamed.
    only_member: bool,
    /// Who owns what is there now.
    owner: Option<(u32, u32)>,
    /// What killed restores left: to be removed, and to be told.
    stale: Vec<PathBuf>,
    leftovers: Vec<PathBuf>,
    /// Keeps others from taking the staging directory for a stale one.
    lock: Option<File>,
}

/// How many restores may set something aside under one stamp.
const MOST_ASIDE: u32 = 100;

/// The first name of those for a stamp, `<stamp>`, `<stamp>-2` and so on, that nothing has. Should another restore take it
/// meanwhile, the rename fails and nothing is lost.
fn free_aside(stamp: &str, named: impl Fn(&str) -> PathBuf) -> Result<PathBuf, RestoreError> {
    let first = named(stamp);
    let more = (2..=MOST_ASIDE).map(|count| named(&format!("{stamp}-{count}")));
    let mut all = std::iter::once(first.clone()).chain(more);
    let free = all.find(|path| path.symlink_metadata().is_err());
    free.ok_or(RestoreError::Target {
        path: first,
        why: "it is there already, and so are all names like it: give another time",
    })
}

/// What a place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Data,
    Log,
}

impl Place {
    /// Looks at a place without touching it.
    pub(super) fn prepare(
        directory: &Path,
        purpose: Purpose,
        existing: &Existing,
        suffix: &str,
    ) -> Result<Self, RestoreError> {
        let Found {
            parent,
            name,
            occupied,
            only_member,
            owner,
        } = inspect::look(directory, purpose)?;
        let path = parent.join(&name);
        let sibling = |infix: &str, tail: &str| {
            let mut sibling = name.clone();
            sibling.push(format!(".{infix}-{tail}"));
            parent.join(sibling)
        };
        let aside = match existing {
            _ if !occupied => None,
            Existing::Refuse => return Err(RestoreError::Occupied { path }),
            Existing::Replace { stamp } => Some(free_aside(stamp, |tail| sibling("replaced", tail))?),
        };
        if aside.is_some() {
            inspect::refuse_if_in_use(&path, only_member)?;
        }
        let (stale, leftovers) = inspect::siblings(&parent, &name)?;
        Ok(Self {
            staging: sibling("restoring", suffix),
            swapping: sibling("swapping", suffix),
            path,
            parent,
            aside,
            only_member,
            owner,
            stale,
            leftovers,
            lock: None,
        })
    }

    /// The directory that will be renamed.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A directory on the filesystem that it will be on.
    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    /// Where it is built.
    pub(super) fn staging(&self) -> &Path {
        &self.staging
    }

    /// Where directory `member` is built, if this is a data directory.
    pub(super) fn member(&self) -> PathBuf {
        if self.only_member {
            self.staging.clone()
        } else {
            self.staging.join("member")
        }
    }

    /// What an earlier restore left that is not removed.
    pub(super) fn leftovers(&self) -> &[PathBuf] {
        &self.leftovers
    }

    /// Removes what killed restores left here, and makes the directory to build in.
    pub(super) fn stage(&mut self) -> Result<(), RestoreError> {
        for stale in std::mem::take(&mut self.stale) {
            std::fs::remove_dir_all(&stale).map_err(RestoreError::file("remove", &stale))?;
        }
        create_directory(&self.staging)?;
        let directory = File::open(&self.staging).map_err(RestoreError::file("open", &self.staging))?;
        flock(&directory, FlockOperation::NonBlockingLockExclusive).map_err(|_| RestoreError::Busy {
            path: self.path.clone(),
        })?;
        self.lock = Some(directory);
        Ok(())
    }

    /// Gives all that was built to whoever owns what is there now, and brings it to the disk.
    pub(super) fn settle(&self) -> Result<(), RestoreError> {
        files::settle(&self.staging, self.owner)
    }

    /// Removes what was built, as far as it is not in place.
    pub(super) fn abandon(&self) {
        if self.lock.is_some() {
            // What cannot be removed now is removed by the next restore.
            drop(std::fs::remove_dir_all(&self.staging));
        }
    }
}
