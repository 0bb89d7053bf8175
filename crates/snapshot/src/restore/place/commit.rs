//! Putting directories in place, and taking that back.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, rename, renameat_with};
use rustix::io::Errno;

use super::Place;
use super::files::sync_directory;
use crate::restore::control::{Control, Step};
use crate::restore::error::RestoreError;

/// How to take back what [`commit`] did.
#[derive(Debug)]
pub(in crate::restore) struct Undo {
    path: PathBuf,
    /// Where the new directory goes again.
    staging: PathBuf,
    /// Where the old one is.
    aside: Option<PathBuf>,
}

impl Undo {
    /// Where what was there before is now.
    pub(in crate::restore) fn aside(&self) -> Option<PathBuf> {
        self.aside.clone()
    }
}

/// Puts what was built in place. On an error nothing has changed there, unless the error says so.
pub(in crate::restore) fn commit(
    place: &Place,
    member: usize,
    control: &Control<'_>,
) -> Result<Undo, RestoreError> {
    control.reached(Step::BeforePlace(member))?;
    match &place.aside {
        None => put(place)?,
        Some(aside) => replace(place, aside, member, control)?,
    }
    sync_directory(&place.parent)?;
    Ok(Undo {
        path: place.path.clone(),
        staging: place.staging.clone(),
        aside: place.aside.clone(),
    })
}

/// Where nothing is, or an empty directory, which a rename replaces and which it does not if somebody filled it meanwhile.
fn put(place: &Place) -> Result<(), RestoreError> {
    rename(&place.staging, &place.path).map_err(|error| match error {
        Errno::NOTEMPTY | Errno::EXIST => RestoreError::Occupied {
            path: place.path.clone(),
        },
        error => RestoreError::file("put in place", &place.path)(error.into()),
    })
}

/// Where the old directory has to go aside.
fn replace(place: &Place, aside: &Path, member: usize, control: &Control<'_>) -> Result<(), RestoreError> {
    // Under a name of its own, so that a restore killed from here on leaves nothing that the next one would remove.
    rename(&place.staging, &place.swapping)
        .map_err(|error| RestoreError::file("rename", &place.staging)(error.into()))?;
    control.reached(Step::BeforeSwap(member))?;
    let swapped = renameat_with(CWD, &place.swapping, CWD, &place.path, RenameFlags::EXCHANGE);
    match swapped {
        Ok(()) => {
            control.reached(Step::Swapped(member))?;
            let Err(error) = renameat_with(CWD, &place.swapping, CWD, aside, RenameFlags::NOREPLACE) else {
                return Ok(());
            };
            // The old one is still there, under a name that says little. Put it back.
            let back = renameat_with(CWD, &place.swapping, CWD, &place.path, RenameFlags::EXCHANGE);
            let back = back.and_then(|()| rename(&place.swapping, &place.staging));
            Err(failed(place, &place.swapping, error, back))
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => in_two_steps(place, aside, member, control),
        Err(error) => {
            let first = RestoreError::file("put in place", &place.path)(error.into());
            // Back to the name that is cleaned up.
            let _ = rename(&place.swapping, &place.staging);
            Err(first)
        }
    }
}

/// Where the filesystem cannot swap.
fn in_two_steps(
    place: &Place,
    aside: &Path,
    member: usize,
    control: &Control<'_>,
) -> Result<(), RestoreError> {
    if let Err(error) = rename(&place.path, aside) {
        let _ = rename(&place.swapping, &place.staging);
        return Err(RestoreError::file("rename", &place.path)(error.into()));
    }
    control.reached(Step::SetAside(member))?;
    let Err(error) = rename(&place.swapping, &place.path) else {
        return Ok(());
    };
    let back = rename(aside, &place.path);
    if back.is_ok() {
        let _ = rename(&place.swapping, &place.staging);
    }
    Err(failed(place, aside, error, back))
}

/// Takes back what was put in place, the last first.
pub(in crate::restore) fn take_back(
    done: impl DoubleEndedIterator<Item = Undo>,
    first: RestoreError,
) -> RestoreError {
    let mut first = first;
    for Undo { path, staging, aside } in done.rev() {
        let outcome = rename(&path, &staging)
            .and_then(|()| aside.as_ref().map_or(Ok(()), |aside| rename(aside, &path)));
        if let Err(error) = outcome {
            let now_at = aside.unwrap_or_else(|| path.clone());
            first = RestoreError::Undo {
                first: Box::new(first),
                second: Box::new(RestoreError::file("take back", &path)(error.into())),
                now_at,
            };
        }
    }
    first
}

/// The error for a rename that failed, after an attempt to put back the old directory, which is else `now_at`.
fn failed(place: &Place, now_at: &Path, error: Errno, back: Result<(), Errno>) -> RestoreError {
    let first = RestoreError::file("put in place", &place.path)(error.into());
    match back {
        Ok(()) => first,
        Err(second) => RestoreError::Undo {
            first: Box::new(first),
            second: Box::new(RestoreError::file("take back", &place.path)(second.into())),
            now_at: now_at.to_owned(),
        },
    }
}
