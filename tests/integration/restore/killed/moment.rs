//! When a restore is killed.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A moment, told by what is on the disk where that is possible.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    /// The temporary directory of the first member is there.
    Staged,
    /// A file in it has so many bytes.
    Holds(&'static str, u64),
    /// The first member's directory is not what it was.
    Placed,
    /// An old directory has been renamed aside.
    SetAside,
    /// So many percent of the time that a whole run takes are over.
    Into(u32),
}

/// While most of the new database is still to be written, then after the writing, while it is brought to the disk, and around
/// the renames.
pub(super) const MOMENTS: [Moment; 12] = [
    Moment::Staged,
    Moment::Holds("member/snap/db", 1),
    Moment::Holds("member/snap/db", 10_000_000),
    Moment::Holds("member/snap/db", 35_000_000),
    Moment::Holds("member/wal/0000000000000000-0000000000000000.wal", 1),
    Moment::Holds("member/wal/0000000000000000-0000000000000000.wal", 64_000_000),
    Moment::Placed,
    Moment::SetAside,
    Moment::Into(40),
    Moment::Into(70),
    Moment::Into(80),
    Moment::Into(90),
];

/// What a moment is told by.
pub(super) struct Sight<'a> {
    /// Where the members' directories go.
    pub(super) folder: &'a Path,
    /// The first of them.
    pub(super) place: &'a Path,
    /// Its inode before the run, if it was there.
    pub(super) inode: Option<u64>,
    /// When the run began.
    pub(super) begun: Instant,
    /// How long one takes that is left alone.
    pub(super) whole: Duration,
}

impl Moment {
    pub(super) fn has_come(self, sight: &Sight<'_>) -> bool {
        let staging = || named(sight.folder, ".restoring-");
        match self {
            Self::Staged => staging().is_some(),
            Self::Holds(file, bytes) => staging()
                .and_then(|staging| fs::metadata(staging.join(file)).ok())
                .is_some_and(|metadata| metadata.len() >= bytes),
            Self::Placed => inode(sight.place).is_some_and(|inode| Some(inode) != sight.inode),
            Self::SetAside => named(sight.folder, ".replaced-").is_some(),
            Self::Into(percent) => sight.begun.elapsed() * 100 >= sight.whole * percent,
        }
    }
}

/// What tells one directory from another of the same name.
pub(super) fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

fn named(folder: &Path, infix: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let entry = entries.find(|entry| entry.file_name().to_string_lossy().contains(infix))?;
    Some(entry.path())
}
