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
//! The directory that a place is in is held ([`Directory`]), so that all of this happens in the one that was looked at, and no
//! symbolic link that somebody puts in the way meanwhile leads out of it.
//!
//! Where the filesystem can do it, the new and the old directory change places in one step (`RENAME_EXCHANGE`), so that one
//! of the two is in place at every instant. Elsewhere the old one is renamed aside first, and back if the second rename
//! fails: between the two nothing is in place, and a kill there leaves the old one under its `replaced` name and the new one
//! under its `swapping` name. What is taken back goes the same ways.

mod commit;
mod inspect;
#[cfg(test)]
mod tests;

pub(super) use commit::{commit, take_back};

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};

use super::error::RestoreError;
use super::request::{Existing, Request};
use crate::directory::{Directory, Failed};
use inspect::Found;

/// A place for a directory.
#[derive(Debug)]
pub(super) struct Place {
    /// Where it was asked for.
    asked: PathBuf,
    /// The directory it is in, held from the first look to the last rename.
    parent: Directory,
    /// What is renamed into place.
    name: OsString,
    /// Where it is built.
    staging: OsString,
    /// Its name while it changes places.
    swapping: OsString,
    /// Where goes what is there now.
    aside: Option<OsString>,
    /// It is the directory `member` of a data directory that cannot be renamed.
    only_member: bool,
    /// Who owns what is there now.
    owner: Option<(u32, u32)>,
    /// What killed restores left: to be removed, and to be told.
    stale: Vec<OsString>,
    leftovers: Vec<PathBuf>,
    /// What is being built, locked so that others do not take it for a stale one.
    built: Option<Directory>,
}

/// How many restores may set something aside under one stamp.
const MOST_ASIDE: u32 = 100;

/// The first name of those for a stamp, `<stamp>`, `<stamp>-2` and so on, that nothing has. Should another restore take it
/// meanwhile, the rename fails and nothing is lost.
fn free_aside(
    parent: &Directory,
    stamp: &str,
    named: impl Fn(&str) -> OsString,
) -> Result<OsString, RestoreError> {
    let first = named(stamp);
    let more = (2..=MOST_ASIDE).map(|count| named(&format!("{stamp}-{count}")));
    for name in std::iter::once(first.clone()).chain(more) {
        if parent.look(&name)?.is_none() {
            return Ok(name);
        }
    }
    Err(RestoreError::Target {
        path: parent.at(first),
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
        request: &Request,
        suffix: &str,
    ) -> Result<Self, RestoreError> {
        let Found {
            asked,
            parent,
            name,
            occupied,
            only_member,
            owner,
        } = inspect::look(directory, purpose, request.links)?;
        let sibling = |infix: &str, tail: &str| {
            let mut sibling = name.clone();
            sibling.push(format!(".{infix}-{tail}"));
            sibling
        };
        let aside = match &request.existing {
            _ if !occupied => None,
            Existing::Refuse => {
                let path = parent.at(&name);
                return Err(RestoreError::Occupied { path });
            }
            Existing::Replace { stamp } => {
                Some(free_aside(&parent, stamp, |tail| sibling("replaced", tail))?)
            }
        };
        let (stale, leftovers) = inspect::siblings(&parent, &name)?;
        let place = Self {
            staging: sibling("restoring", suffix),
            swapping: sibling("swapping", suffix),
            asked,
            parent,
            name,
            aside,
            only_member,
            owner,
            stale,
            leftovers,
            built: None,
        };
        place.refuse_if_in_use()?;
        Ok(place)
    }

    /// Refuses a place whose old directory a process has open. To be asked again and again: one may be started at any time.
    pub(super) fn refuse_if_in_use(&self) -> Result<(), RestoreError> {
        if self.aside.is_some() {
            inspect::refuse_if_in_use(&self.parent, &self.name, self.only_member)?;
        }
        Ok(())
    }

    /// The directory that will be renamed.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.at(&self.name)
    }

    /// Whether a path leads into the directory that will be renamed, as both were written.
    pub(super) fn is_around(&self, path: &Path) -> bool {
        path.starts_with(&self.asked)
    }

    /// A directory on the filesystem that it will be on.
    pub(super) fn parent(&self) -> &Directory {
        &self.parent
    }

    /// What is being built.
    pub(super) fn built(&self) -> Result<&Directory, RestoreError> {
        let early = RestoreError::Internal("a place was used before there was anything");
        self.built.as_ref().ok_or(early)
    }

    /// Makes a directory of a member's, if this is a data directory.
    pub(super) fn member(&self) -> Result<Directory, RestoreError> {
        let built = self.built()?;
        if self.only_member {
            Ok(built.again()?)
        } else {
            Ok(built.create_directory("member")?)
        }
    }

    /// What an earlier restore left that is not removed.
    pub(super) fn leftovers(&self) -> &[PathBuf] {
        &self.leftovers
    }

    /// Removes what killed restores left here, and makes the directory to build in.
    pub(super) fn stage(&mut self) -> Result<(), RestoreError> {
        for stale in std::mem::take(&mut self.stale) {
            self.parent.remove(stale)?;
        }
        let directory = self.parent.create_directory(&self.staging)?;
        if !directory.lock()? {
            return Err(RestoreError::Busy { path: self.path() });
        }
        self.built = Some(directory);
        Ok(())
    }

    /// Gives all that was built to whoever owns what is there now, and brings it to the disk.
    pub(super) fn settle(&self) -> Result<(), RestoreError> {
        let settled = self.built()?.visit(&|file, path| {
            if let Some(owner) = self.owner {
                give_to(file, path, owner)?;
            }
            file.sync_all().map_err(Failed::at("sync", path))
        });
        Ok(settled?)
    }

    /// Removes what was built, as far as it is not in place.
    pub(super) fn abandon(&self) {
        if self.built.is_some() && self.has_built(&self.staging).unwrap_or(false) {
            // What cannot be removed now is removed by the next restore.
            drop(self.parent.remove(&self.staging));
        }
    }

    /// Whether what was built is what has this name now.
    fn has_built(&self, name: &OsStr) -> Result<bool, RestoreError> {
        Ok(self.built()?.is(&self.parent, name)?)
    }

    /// Whether the path that was asked for leads to what was built.
    fn leads_to_built(&self) -> Result<bool, RestoreError> {
        Ok(self.built()?.is_at(&self.asked)?)
    }

    fn changed(&self) -> RestoreError {
        RestoreError::Changed {
            path: self.asked.clone(),
        }
    }
}

/// Gives a file or directory to a user and group, unless it is theirs.
fn give_to(file: &File, path: &Path, (user, group): (u32, u32)) -> Result<(), Failed> {
    let metadata = file.metadata().map_err(Failed::at("look at", path))?;
    if (metadata.uid(), metadata.gid()) == (user, group) {
        return Ok(());
    }
    fchown(file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))
        .map_err(Failed::at("change the owner of", path))
}
