//! Whole trees, without leaving them.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::{Directory, Failed};

impl Directory {
    /// Shows everything in this directory, what is inside first, and then itself.
    ///
    /// What has no business in a tree that was just built is an error: links of either kind, pipes and the like. Who gives
    /// away a file with a second name may give away somebody else's.
    pub fn visit(&self, visit: &impl Fn(&File, &Path) -> Result<(), Failed>) -> Result<(), Failed> {
        for name in self.names()? {
            let path = self.at(&name);
            if self.look(&name)?.is_some_and(|found| found.is_dir()) {
                self.directory(&name)?.visit(visit)?;
                continue;
            }
            let file = self.file(&name)?;
            let names = file.metadata().map_err(Failed::at("look at", &path))?.nlink();
            if names > 1 {
                let strange = io::Error::other("somebody gave it a second name");
                return Err(Failed::at("take", &path)(strange));
            }
            visit(&file, &path)?;
        }
        visit(&self.handle, &self.path)
    }

    /// Removes what is called `name`, with all that is in it, if it is there. Links are removed and not followed.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> Result<(), Failed> {
        let path = self.at(&name);
        let gone = |outcome| match outcome {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(Failed::at("remove", &path)(error)),
        };
        match unlinkat(self, name.as_ref(), AtFlags::empty()) {
            // The second is what POSIX has for it.
            Err(Errno::ISDIR | Errno::PERM) => {}
            outcome => return gone(outcome),
        }
        let directory = self.directory(&name)?;
        for name in directory.names()? {
            directory.remove(name)?;
        }
        gone(unlinkat(self, name.as_ref(), AtFlags::REMOVEDIR))
    }
}
