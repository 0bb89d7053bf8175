//! What the filesystem under a file says of itself: how much is free, and when.

use std::fs::File;
use std::os::fd::AsFd;

use rustix::fs::{FsWord, fstatfs, fstatvfs};
use rustix::io::Result;

/// Filesystems that have what was given back at once for others: `EXT4_SUPER_MAGIC`, `XFS_SUPER_MAGIC` and `TMPFS_MAGIC` of
/// `linux/magic.h`. Others may keep it for a while, as btrfs does until a whole extent is unused.
const AT_ONCE: [FsWord; 3] = [0xEF53, 0x5846_5342, 0x0102_1994];

/// Bytes that are free for whoever asks, on the filesystem of what is open.
pub(super) fn free(on: impl AsFd) -> Result<u64> {
    #[cfg(test)]
    if let Some(free) = told::DISK.get().free {
        return Ok(free);
    }
    let status = fstatvfs(on)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// Whether fewer bytes are free. What cannot be asked is not short.
pub(super) fn is_short(on: impl AsFd, needed: u64) -> bool {
    #[cfg(test)]
    if let Some(short) = told::DISK.get().short {
        return short;
    }
    free(on).is_ok_and(|free| free < needed)
}

/// Whether what is given back is free for others at once.
pub(super) fn frees_at_once(file: &File) -> bool {
    #[cfg(test)]
    if let Some(holes) = told::DISK.get().holes {
        return holes;
    }
    fstatfs(file).is_ok_and(|status| AT_ONCE.contains(&status.f_type))
}

/// What a disk is to say in a test, where it is not asked.
#[cfg(test)]
pub(super) mod told {
    use std::cell::Cell;

    thread_local! {
        pub(in crate::restore) static DISK: Cell<Disk> = const { Cell::new(Disk { free: None, short: None, holes: None }) };
    }

    /// What it says of itself.
    #[derive(Debug, Clone, Copy, Default)]
    pub(in crate::restore) struct Disk {
        /// Bytes that are free when it is looked whether there is room.
        pub(in crate::restore) free: Option<u64>,
        /// Whether they are too few for both while a database is built.
        pub(in crate::restore) short: Option<bool>,
        /// Whether it makes holes.
        pub(in crate::restore) holes: Option<bool>,
    }

    /// Does something on such a disk.
    pub(in crate::restore) fn on<T>(disk: Disk, act: impl FnOnce() -> T) -> T {
        DISK.set(disk);
        let done = act();
        DISK.set(Disk::default());
        done
    }
}
