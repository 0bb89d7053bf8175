//! Putting directories in place, and taking that back.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::Place;
use crate::directory::Failed;
use crate::restore::control::{Control, Step, Stopped};
use crate::restore::error::RestoreError;

/// What [`commit`] did, to take it back.
#[derive(Debug)]
pub(in crate::restore) struct Undo<'a> {
    place: &'a Place,
    member: usize,
    how: How,
}

/// How the new directory took the old one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// In one step.
    Exchanged,
    /// In two, with nothing in place between them; or nothing was there.
    Renamed,
}

impl Undo<'_> {
    /// Where what was there before is now.
    pub(in crate::restore) fn aside(&self) -> Option<PathBuf> {
        let aside = self.place.aside.as_ref();
        aside.map(|aside| self.place.parent.at(aside))
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
    let how = match &place.aside {
        None => put(place)?,
        Some(aside) => replace(place, aside, member, control)?,
    };
    place.parent.sync()?;
    let undo = Undo { place, member, how };
    // The renames were made in the directory that was looked at. Somebody may have put another in its place, or in the place
    // of what was built: etcd would then start on something else.
    if place.leads_to_built()? {
        Ok(undo)
    } else {
        Err(take_back([undo].into_iter(), place.changed(), control))
    }
}

/// Where nothing is, or an empty directory, which a rename replaces and which it does not if somebody filled it meanwhile.
fn put(place: &Place) -> Result<How, RestoreError> {
    match place.parent.fill(&place.staging, &place.name) {
        Ok(()) => Ok(How::Renamed),
        Err(failed) if failed.is_taken() => Err(RestoreError::Occupied { path: place.path() }),
        Err(failed) => Err(failed.into()),
    }
}

/// Where the old directory has to go aside.
fn replace(place: &Place, aside: &OsStr, member: usize, control: &Control<'_>) -> Result<How, RestoreError> {
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
    // Back to the name that is cleaned up.
    let give_up = |error| {
        let _ = parent.move_to(swapping, parent, staging);
        Err(error)
    };
    // An etcd may have been started while all was built.
    if let Err(error) = place.refuse_if_in_use() {
        return give_up(error);
    }
    match parent.exchange(swapping, name) {
        Ok(true) => {
            control.reached(Step::Swapped(member))?;
            let Err(first) = parent.move_to(swapping, parent, aside) else {
                return Ok(How::Exchanged);
            };
            // The old one is still there, under a name that says little. Put it back.
            let back = parent.exchange(swapping, name);
            let back = back.and_then(|_| parent.move_to(swapping, parent, staging));
            Err(failed(place, swapping, first, back))
        }
        Ok(false) => in_two_steps(place, aside, member, control),
        Err(error) => give_up(error.into()),
    }
}

/// Where the filesystem cannot swap.
fn in_two_steps(
    place: &Place,
    aside: &OsStr,
    member: usize,
    control: &Control<'_>,
) -> Result<How, RestoreError> {
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
        return Ok(How::Renamed);
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
    control: &Control<'_>,
) -> RestoreError {
    let mut first = first;
    for undo in done.rev() {
        match back(&undo, control) {
            Ok(()) => {}
            Err(Back::Stopped(stopped)) => return stopped.into(),
            Err(Back::Failed { second, now_at }) => {
                first = RestoreError::Undo {
                    first: Box::new(first),
                    second: Box::new(second),
                    now_at,
                };
            }
        }
    }
    first
}

/// Why something was not taken back.
enum Back {
    /// A test stopped it.
    Stopped(Stopped),
    /// What the system said, and where the old directory is.
    Failed { second: RestoreError, now_at: PathBuf },
}

/// Takes back one directory, as it was put in place: in one step, or in two.
fn back(undo: &Undo<'_>, control: &Control<'_>) -> Result<(), Back> {
    let Place {
        parent,
        name,
        staging,
        swapping,
        aside,
        ..
    } = undo.place;
    // Where the old one is, as long as it is not back.
    let failed = |old: &OsStr| {
        let now_at = parent.at(old);
        move |error: Failed| Back::Failed {
            second: error.into(),
            now_at,
        }
    };
    let lost = |second| Back::Failed {
        second,
        now_at: undo.aside().unwrap_or_else(|| undo.place.path()),
    };
    let between = || {
        control
            .reached(Step::TakingBack(undo.member))
            .map_err(Back::Stopped)
    };
    // Whatever somebody put there is not ours to move.
    if !undo.place.has_built(name).map_err(lost)? {
        return Err(lost(undo.place.changed()));
    }
    let Some(aside) = aside else {
        return parent.move_to(name, parent, staging).map_err(failed(name));
    };
    if undo.how == How::Exchanged {
        parent.move_to(aside, parent, swapping).map_err(failed(aside))?;
        between()?;
        if parent.exchange(swapping, name).map_err(failed(swapping))? {
            between()?;
            return parent.move_to(swapping, parent, staging).map_err(failed(name));
        }
        parent
            .move_to(swapping, parent, aside)
            .map_err(failed(swapping))?;
    }
    parent.move_to(name, parent, staging).map_err(failed(aside))?;
    between()?;
    parent.move_to(aside, parent, name).map_err(failed(aside))
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
