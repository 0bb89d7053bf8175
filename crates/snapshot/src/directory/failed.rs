//! What could not be done, with what.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// What could not be done, and with what.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Failed {
    /// What was tried.
    pub action: &'static str,
    /// With what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Failed {
    /// For `map_err` after a call to the system.
    pub fn at<E: Into<io::Error>>(action: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// Whether nothing is there.
    pub fn is_absent(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether something is there already.
    pub fn is_taken(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
        )
    }

    /// Whether a symbolic link, or something else that is no directory, is where a directory should be.
    pub fn is_no_directory(&self) -> bool {
        let errno = Errno::from_io_error(&self.source);
        matches!(errno, Some(Errno::NOTDIR | Errno::LOOP))
    }
}
