//! Creating, and renaming that never takes something else's place.

use std::ffi::OsStr;
use std::fs::File;

use rustix::fs::{Mode, OFlags, RenameFlags, mkdirat, openat, renameat, renameat_with};
use rustix::io::Errno;

use super::{Directory, Failed};

impl Directory {
    /// Creates a directory for its owner alone (etcd's `fileutil.PrivateDirMode`). It must not be there.
    pub fn create_directory(&self, name: impl AsRef<OsStr>) -> Result<Self, Failed> {
        mkdirat(self, name.as_ref(), Mode::RWXU).map_err(Failed::at("create", &self.at(&name)))?;
        self.directory(name)
    }

    /// Creates a file for its owner alone (etcd's `fileutil.PrivateFileMode`). It must not be there.
    pub fn create_file(&self, name: impl AsRef<OsStr>) -> Result<File, Failed> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(self, name.as_ref(), flags, Mode::RUSR | Mode::WUSR);
        Ok(file.map_err(Failed::at("create", &self.at(&name)))?.into())
    }

    /// Lets two directories in this one change places in one step. False where the filesystem cannot.
    pub fn exchange(&self, one: impl AsRef<OsStr>, other: impl AsRef<OsStr>) -> Result<bool, Failed> {
        let path = self.at(&other);
        match rename(self, one.as_ref(), self, other.as_ref(), RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            Err(error) => Err(Failed::at("put in place", &path)(error)),
        }
    }

    /// Renames to where nothing is. Where something is, the error [is about that](Failed::is_taken).
    pub fn move_to(
        &self,
        from: impl AsRef<OsStr>,
        target: &Self,
        to: impl AsRef<OsStr>,
    ) -> Result<(), Failed> {
        let path = target.at(&to);
        let (from, to) = (from.as_ref(), to.as_ref());
        let moved = match rename(self, from, target, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                // A filesystem that cannot tell by itself. Nobody else makes such names: they are locked, or random.
                match target.look(to)? {
                    Some(_) => Err(Errno::EXIST),
                    None => renameat(self, from, target, to),
                }
            }
            moved => moved,
        };
        moved.map_err(Failed::at("rename to", &path))
    }

    /// Renames a directory to where nothing is, or an empty directory, which it replaces. One that is not empty is not.
    pub fn fill(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> Result<(), Failed> {
        let moved = renameat(self, from.as_ref(), self, to.as_ref());
        moved.map_err(Failed::at("put in place", &self.at(&to)))
    }
}

/// `renameat2`. A test may say that the filesystem knows none of its flags.
fn rename(
    from: &Directory,
    name: &OsStr,
    to: &Directory,
    new: &OsStr,
    flags: RenameFlags,
) -> Result<(), Errno> {
    #[cfg(test)]
    if super::tests::knows_no_flags() {
        return Err(Errno::INVAL);
    }
    renameat_with(from, name, to, new, flags)
}
