//! Opening directories and what is in them.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path};

use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::{Directory, Failed};

/// To read a directory, and to lock and sync it.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// To go through one only, for which it need not be readable.
const STEP: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Directory {
    /// Opens the directory that a path leads to. Links in it are followed, once.
    pub fn resolve(path: &Path) -> Result<Self, Failed> {
        // A link that takes the place of something from here on is an error.
        Self::without_links(&std::fs::canonicalize(path).map_err(Failed::at("look at", path))?)
    }

    /// The same, but what is at the path itself must be no link.
    pub fn hold(path: &Path) -> Result<Self, Failed> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if !parent.as_os_str().is_empty() => {
                let parent = std::fs::canonicalize(parent).map_err(Failed::at("look at", parent))?;
                Self::without_links(&parent.join(name))
            }
            _ => Self::resolve(path),
        }
    }

    /// Opens the directory at an absolute path in which there must be no link at all.
    pub fn without_links(path: &Path) -> Result<Self, Failed> {
        let handle = without_links(path).map_err(Failed::at("open", path))?;
        Ok(Self {
            handle: handle.into(),
            path: path.to_owned(),
        })
    }

    /// Opens the directory `name` in this one. A link is an error.
    pub fn directory(&self, name: impl AsRef<OsStr>) -> Result<Self, Failed> {
        let path = self.at(&name);
        let handle = openat(self, name.as_ref(), DIRECTORY, Mode::empty());
        Ok(Self {
            handle: handle.map_err(Failed::at("open", &path))?.into(),
            path,
        })
    }

    /// Opens the file `name` for reading. A link is an error, and so is what is no file: a pipe would never end.
    pub fn file(&self, name: impl AsRef<OsStr>) -> Result<File, Failed> {
        let path = self.at(&name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(self, name.as_ref(), flags, Mode::empty()).map_err(Failed::at("open", &path))?;
        let file = File::from(file);
        let found = file.metadata().map_err(Failed::at("look at", &path))?;
        if found.is_file() {
            Ok(file)
        } else {
            Err(Failed::at("open", &path)(io::Error::other("it is not a file")))
        }
    }

    /// What is called `name` here, a link itself and not what it leads to.
    pub fn look(&self, name: impl AsRef<OsStr>) -> Result<Option<Metadata>, Failed> {
        let path = self.at(&name);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(self, name.as_ref(), flags, Mode::empty()) {
            Ok(found) => File::from(found)
                .metadata()
                .map(Some)
                .map_err(Failed::at("look at", &path)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(Failed::at("look at", &path)(error)),
        }
    }

    /// Another handle of the same directory, which shares its lock.
    pub fn again(&self) -> Result<Self, Failed> {
        let handle = self.handle.try_clone();
        Ok(Self {
            handle: handle.map_err(Failed::at("open", &self.path))?,
            path: self.path.clone(),
        })
    }

    /// The names of all that is in it.
    pub fn names(&self) -> Result<Vec<OsString>, Failed> {
        let failed = || Failed::at("read", &self.path);
        let mut names = Vec::new();
        for entry in Dir::read_from(self).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }
}

/// Opens a directory by a path that should have no links in it any more.
pub(super) fn without_links(path: &Path) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match openat2(CWD, path, DIRECTORY, Mode::empty(), resolve) {
        // Before Linux 5.6, and under seccomp filters from before it.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(path),
        opened => opened,
    }
}

/// The same for kernels that cannot do it in one call. The path begins at the root.
pub(super) fn step_by_step(path: &Path) -> Result<OwnedFd, Errno> {
    let mut reached = openat(CWD, "/", STEP, Mode::empty())?;
    for component in path.components() {
        if let Component::Normal(name) = component {
            reached = openat(&reached, name, STEP, Mode::empty())?;
        }
    }
    openat(&reached, ".", DIRECTORY, Mode::empty())
}
