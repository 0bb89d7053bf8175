//! One member's directory: what is written into it beside the database.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::cluster::{Cluster, Member};
use super::control::{Control, Stage};
use super::error::RestoreError;
use super::place::{Place, create_directory, create_file};
use super::raft::{LOG_NAME, LOG_SIZE, log, snapshot_file, snapshot_name};

/// Bytes copied between two looks at whether the restore was cancelled.
const COPIED_AT_ONCE: u64 = 64 << 20;

/// A member to restore, and the places for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) member: Member,
    pub(super) data: Place,
    pub(super) log: Option<Place>,
}

impl Job {
    /// Both places, the log first: without a log etcd would take a data directory for a new member's, and begin an empty
    /// cluster on it, while a log without data keeps it from starting.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.log.iter().chain([&self.data])
    }

    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.log.iter_mut().chain([&mut self.data])
    }

    pub(super) fn snap_dir(&self) -> PathBuf {
        self.data.member().join("snap")
    }

    /// Where the log is built.
    pub(super) fn log_dir(&self) -> PathBuf {
        match &self.log {
            Some(place) => place.staging().to_owned(),
            None => self.data.member().join("wal"),
        }
    }

    pub(super) fn database(&self) -> PathBuf {
        self.snap_dir().join("db")
    }

    /// Makes the directories.
    pub(super) fn stage(&mut self) -> Result<(), RestoreError> {
        self.places_mut().try_for_each(Place::stage)?;
        let member = self.data.member();
        if member != self.data.staging() {
            create_directory(&member)?;
        }
        create_directory(&self.snap_dir())?;
        match self.log {
            Some(_) => Ok(()),
            None => create_directory(&self.log_dir()),
        }
    }

    /// Writes log and snapshot file.
    pub(super) fn write_raft(&self, cluster: &Cluster) -> Result<(), RestoreError> {
        write_log(&self.log_dir().join(LOG_NAME), &log(cluster, self.member.id))?;
        let path = self.snap_dir().join(snapshot_name(cluster));
        let file = create_file(&path)?;
        file.write_all_at(&snapshot_file(cluster), 0)
            .map_err(RestoreError::file("write", &path))
    }
}

/// A log of full length. Its space is taken now where the filesystem can do that, so that a disk which is too full is told
/// before etcd runs on it.
fn write_log(path: &Path, bytes: &[u8]) -> Result<(), RestoreError> {
    let file = create_file(path)?;
    let allocated = match fallocate(&file, FallocateFlags::empty(), 0, LOG_SIZE) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(LOG_SIZE),
        outcome => outcome.map_err(io::Error::from),
    };
    allocated
        .and_then(|()| file.write_all_at(bytes, 0))
        .map_err(RestoreError::file("write", path))
}

/// Copies the database that was built for one member to another.
pub(super) fn copy_database(from: &Path, to: &Path, control: &Control<'_>) -> Result<(), RestoreError> {
    let source = File::open(from).map_err(RestoreError::file("open", from))?;
    let total = source
        .metadata()
        .map_err(RestoreError::file("look at", from))?
        .len();
    let mut copy = create_file(to)?;
    let mut copied = 0_u64;
    while copied < total {
        if control.is_cancelled() {
            return Err(RestoreError::Cancelled);
        }
        let now = io::copy(&mut (&source).take(COPIED_AT_ONCE), &mut copy)
            .map_err(RestoreError::file("write", to))?;
        if now == 0 {
            return Err(RestoreError::Internal(
                "the database became shorter while it was copied",
            ));
        }
        copied = copied.saturating_add(now);
        control.tell(Stage::Copying, copied, Some(total));
    }
    Ok(())
}
