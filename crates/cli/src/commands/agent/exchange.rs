//! Renaming that never takes something else's place.

use std::{fs, io, path::Path};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use super::{error::AgentError, files::is_there};

/// Lets two directories change places in one step. False where the filesystem cannot.
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Renames to where nothing is.
pub(super) fn move_to(from: &Path, to: &Path) -> Result<(), AgentError> {
    let moved = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            // Nobody else works here: the data directory is locked.
            if is_there(to)? {
                return Err(AgentError::AsideTaken(to.to_owned()));
            }
            fs::rename(from, to)
        }
        Err(Errno::EXIST) => return Err(AgentError::AsideTaken(to.to_owned())),
        moved => moved.map_err(Into::into),
    };
    moved.map_err(AgentError::file("rename", from))
}
