//! Putting directories in place, and taking that back.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::Place;
use crate::directory::Failed;
use crate::restore::control::{Control, Step};
use crate::restore::error::RestoreError;

/// What [`commit`] did, to take it back.
#[derive(Debug)]
pub(in crate::restore) struct Undo<'a>(&'a Place);

impl Undo<'_> {
    /// Where what was there before is now.
    pub(in crate::restore) fn aside(&self) -> Option<PathBuf> {
        self.0.aside.as_ref().map(|aside| self.0.parent.at(aside))
    }
}

/// Puts what was built in place. On an error nothing has changed there, unless the error says so.
pub(in crate::restore) fn commit<'a>(
    place: &'a Place,
    member: usize,
    control: &Control<'_>,
) -> Result<Undo<'a>, RestoreError> {
    control.reached(Step::BeforePlace(member))?;
    if !place.has_built(&place.staging)? {
        return Err(place.changed());
    }
    match &place.aside {
        None => put(place)?,
        Some(aside) => replace(place, aside, member, control)?,
    }
    place.parent.sync()?;
    let undo = Undo(place);
    // The renames were made in the directory that was looked at. Somebody may have put another in its place, or in the place
    // of what was built: etcd would then start on something else.
    if place.leads_to_built()? {
        Ok(undo)
    } else {
        Err(take_back([undo].into_iter(), place.changed()))
    }
}

/// Where nothing is, or an empty directory, which a rename replaces and which it does not if somebody filled it meanwhile.
fn put(place: &Place) -> Result<(), RestoreError> {
    let put = place.parent.fill(&place.staging, &place.name);
    put.map_err(|failed| match failed {
        failed if failed.is_taken() => RestoreError::Occupied { path: place.path() },
        failed => failed.into(),
    })
}

/// Where the old directory has to go aside.
fn replace(place: &Place, aside: &OsStr, member: usize, control: &Control<'_>) -> Result<(), RestoreError> {
    let Place {
        parent,
        name,
        staging,
        swapping,
        ..
    } = place;
    // Under a name of its own, so that a restore killed from here on leaves nothing that the next one would remove.
    parent.move_to(staging, parent, swapping)?;
    control.reached(Step::BeforeSwap(member))?;
    match parent.exchange(swapping, name) {
        Ok(true) => {
            control.reached(Step::Swapped(member))?;
            let Err(first) = parent.move_to(swapping, parent, aside) else {
                return Ok(());
            };
            // The old one is still there, under a name that says little. Put it back.
            let back = parent.exchange(swapping, name);
            let back = back.and_then(|_| parent.move_to(swapping, parent, staging));
            Err(failed(place, swapping, first, back))
        }
        Ok(false) => in_two_steps(place, aside, member, control),
        Err(first) => {
            // Back to the name that is cleaned up.
            let _ = parent.move_to(swapping, parent, staging);
            Err(first.into())
        }
    }
}

/// Where the filesystem cannot swap.
fn in_two_steps(
    place: &Place,
    aside: &OsStr,
    member: usize,
    control: &Control<'_>,
) -> Result<(), RestoreError> {
    let Place {
        parent,
        name,
        staging,
        swapping,
        ..
    } = place;
    if let Err(error) = parent.move_to(name, parent, aside) {
        let _ = parent.move_to(swapping, parent, staging);
        return Err(error.into());
    }
    control.reached(Step::SetAside(member))?;
    let Err(first) = parent.move_to(swapping, parent, name) else {
        return Ok(());
    };
    let back = parent.move_to(aside, parent, name);
    if back.is_ok() {
        let _ = parent.move_to(swapping, parent, staging);
    }
    Err(failed(place, aside, first, back))
}

/// Takes back what was put in place, the last first.
pub(in crate::restore) fn take_back<'a>(
    done: impl DoubleEndedIterator<Item = Undo<'a>>,
    first: RestoreError,
) -> RestoreError {
    let mut first = first;
    for undo in done.rev() {
        let Place {
            parent,
            name,
            staging,
            aside,
            ..
        } = undo.0;
        let back = || {
            // Whatever somebody put there is not ours to move.
            if !undo.0.has_built(name)? {
                return Err(undo.0.changed());
            }
            parent.move_to(name, parent, staging)?;
            if let Some(aside) = aside {
                parent.move_to(aside, parent, name)?;
            }
            Ok(())
        };
        if let Err(second) = back() {
            first = RestoreError::Undo {
                first: Box::new(first),
                second: Box::new(second),
                now_at: undo.aside().unwrap_or_else(|| undo.0.path()),
            };
        }
    }
    first
}

/// The error for a rename that failed, after an attempt to put back the old directory, which is else `now_at`.
fn failed(place: &Place, now_at: &OsStr, first: Failed, back: Result<(), Failed>) -> RestoreError {
    match back {
        Ok(()) => first.into(),
        Err(second) => RestoreError::Undo {
            first: Box::new(first.into()),
            second: Box::new(second.into()),
            now_at: place.parent.at(now_at),
        },
    }
}
