//! What a file system's refusal means to a caller.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::Cause;
use crate::object::GetRange;
use crate::{Context, StoreError};

/// A failure of file work, before it is known what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The root directory is not there.
    NoRoot,
    /// A create-only write found something.
    Taken,
    /// The object is another one than `if_match` wants.
    Changed,
    /// The upload's directory is gone.
    NoUpload,
    /// The range begins where the object has ended.
    PastTheEnd,
    /// The caller's own mistake.
    Invalid(&'static str),
    /// Everything the system says.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failure {
    pub(super) fn explain(self, at: Context, root: &Path) -> StoreError {
        let at = at.boxed();
        match self {
            Self::NoRoot => StoreError::NoSuchBucket {
                at,
                place: root.display().to_string(),
            },
            Self::Taken => StoreError::AlreadyExists { at },
            Self::Changed => StoreError::Changed { at },
            Self::NoUpload => StoreError::NoSuchUpload { at },
            Self::PastTheEnd => GetRange::past_the_end(at),
            Self::Invalid(why) => StoreError::InvalidRequest { at, why },
            Self::Io(error) => explain_io(&error, at),
        }
    }
}

fn explain_io(error: &io::Error, at: Box<Context>) -> StoreError {
    match error.kind() {
        // A file where a directory would have to be, or a directory where the file would be.
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            StoreError::NotFound { at }
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            StoreError::PermissionDenied { at, permission: None }
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreError::Full { at }
        }
        // Hard links, without which create-only cannot be kept.
        ErrorKind::Unsupported => StoreError::Unsupported { at },
        _ => StoreError::Unavailable {
            at,
            source: Cause::chain(error),
        },
    }
}
