//! How a restore is watched, stopped and stepped through.

use std::fmt;

/// What a restore is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Keeping the bytes of a source that comes but once.
    Receiving,
    /// Reading the snapshot and writing the new database. Counts bytes of the source.
    Building,
    /// Copying the database for the other members. Counts bytes written.
    Copying,
    /// Bringing everything to the disk, and reading it back.
    Checking,
    /// Renaming directories.
    Placing,
}

/// How far a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Bytes done in this stage.
    pub bytes: u64,
    /// Of how many; `None` when nobody knows.
    pub total: Option<u64>,
}

/// An edge: what a kill just now would leave has to be as good as what it would leave before or after. Members are counted
/// from 0 in the order of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Everything that can be told without reading the whole source was found in order. Nothing was touched.
    Begin,
    /// Temporary directories are there.
    Staged,
    /// The database stands. A source that comes but once was proved; a file still may be under way.
    Built,
    /// A member's directory is complete.
    MemberWritten(usize),
    /// It is on the disk and was read back.
    MemberChecked(usize),
    /// The source was proved and a directory is about to be put in place. For a log directory of its own this happens twice, the log first.
    BeforePlace(usize),
    /// The new and the old directory are about to change places.
    BeforeSwap(usize),
    /// They have; the old one still carries a temporary name.
    Swapped(usize),
    /// The old directory was renamed aside, and the new one is not in place yet. Only where the filesystem cannot swap.
    SetAside(usize),
    /// A member's directory is in place.
    Placed(usize),
    /// Between two renames that take back what was put in place.
    TakingBack(usize),
}

/// Says that a restore must not go on. It then behaves as if it were killed: it touches nothing more, and cleans up
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// A hook at every [`Step`], for tests that kill a restore there.
pub trait Steps: Sync {
    /// The restore has reached `step`, and goes on when this returns.
    fn reached(&self, step: Step) -> Result<(), Stopped>;
}

/// What may steer a restore. Everything in it is called from its threads and must return at once.
#[derive(Default, Clone, Copy)]
pub struct Control<'a> {
    /// Asked again and again; once it says true, the restore cleans up after itself and ends. From the first rename on it is
    /// not asked any more.
    pub cancelled: Option<&'a (dyn Fn() -> bool + Sync)>,
    /// Told how far it is.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    /// Told of every edge.
    pub steps: Option<&'a dyn Steps>,
}

impl fmt::Debug for Control<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Control").finish_non_exhaustive()
    }
}

impl Control<'_> {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled())
    }

    pub(super) fn tell(&self, stage: Stage, bytes: u64, total: Option<u64>) {
        if let Some(progress) = self.progress {
            progress(Progress { stage, bytes, total });
        }
    }

    pub(super) fn reached(&self, step: Step) -> Result<(), Stopped> {
        self.steps.map_or(Ok(()), |steps| steps.reached(step))
    }
}
