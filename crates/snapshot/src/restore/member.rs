//! One member's directory: what is written into it beside the database.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};

use super::cluster::{Cluster, Member};
use super::control::{Control, Stage};
use super::error::RestoreError;
use super::place::Place;
use super::raft::{LOG_NAME, LOG_SIZE, log, snapshot_file, snapshot_name};
use crate::directory::{Directory, Failed};

/// Bytes copied between two looks at whether the restore was cancelled.
const COPIED_AT_ONCE: u64 = 64 << 20;

/// The database's name in the directory `snap`.
pub(super) const DATABASE: &str = "db";

/// A member to restore, and the places for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) member: Member,
    pub(super) data: Place,
    pub(super) log: Option<Place>,
    /// What is being built, once it was begun.
    directories: Option<Directories>,
}

/// A member's directories.
#[derive(Debug)]
struct Directories {
    snap: Directory,
    /// Unless the log has a place of its own.
    log: Option<Directory>,
}

impl Job {
    pub(super) fn new(member: Member, data: Place, log: Option<Place>) -> Self {
        Self {
            member,
            data,
            log,
            directories: None,
        }
    }

    /// Both places, the log first: without a log etcd would take a data directory for a new member's, and begin an empty
    /// cluster on it, while a log without data keeps it from starting.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.log.iter().chain([&self.data])
    }

    /// Where database and snapshot file are built.
    pub(super) fn snap_dir(&self) -> Result<&Directory, RestoreError> {
        Ok(&self.directories()?.snap)
    }

    /// Where the log is built.
    pub(super) fn log_dir(&self) -> Result<&Directory, RestoreError> {
        match (&self.log, &self.directories()?.log) {
            (None, Some(directory)) => Ok(directory),
            (place, _) => place.as_ref().unwrap_or(&self.data).built(),
        }
    }

    fn directories(&self) -> Result<&Directories, RestoreError> {
        let early = RestoreError::Internal("a member was written before there was a directory");
        self.directories.as_ref().ok_or(early)
    }

    /// Makes the directories.
    pub(super) fn stage(&mut self) -> Result<(), RestoreError> {
        if let Some(log) = &mut self.log {
            log.stage()?;
        }
        self.data.stage()?;
        let member = self.data.member()?;
        let snap = member.create_directory("snap")?;
        let log = match self.log {
            Some(_) => None,
            None => Some(member.create_directory("wal")?),
        };
        self.directories = Some(Directories { snap, log });
        Ok(())
    }

    /// Writes log and snapshot file.
    pub(super) fn write_raft(&self, cluster: &Cluster) -> Result<(), RestoreError> {
        write_log(self.log_dir()?, &log(cluster, self.member.id))?;
        let (snap, name) = (self.snap_dir()?, snapshot_name(cluster));
        let file = snap.create_file(&name)?;
        let written = file.write_all_at(&snapshot_file(cluster), 0);
        Ok(written.map_err(Failed::at("write", &snap.at(&name)))?)
    }
}

/// A log of full length. Its space is taken now where the filesystem can do that, so that a disk which is too full is told
/// before etcd runs on it.
fn write_log(directory: &Directory, bytes: &[u8]) -> Result<(), RestoreError> {
    let file = directory.create_file(LOG_NAME)?;
    let allocated = match fallocate(&file, FallocateFlags::empty(), 0, LOG_SIZE) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(LOG_SIZE),
        outcome => outcome.map_err(io::Error::from),
    };
    let written = allocated.and_then(|()| file.write_all_at(bytes, 0));
    Ok(written.map_err(Failed::at("write", &directory.at(LOG_NAME)))?)
}

/// Copies the database that was built for one member to another.
pub(super) fn copy_database(
    from: &Directory,
    to: &Directory,
    control: &Control<'_>,
) -> Result<(), RestoreError> {
    let source = from.file(DATABASE)?;
    let total = source
        .metadata()
        .map_err(Failed::at("look at", &from.at(DATABASE)))?
        .len();
    let mut copy = to.create_file(DATABASE)?;
    let mut copied = 0_u64;
    while copied < total {
        if control.is_cancelled() {
            return Err(RestoreError::Cancelled);
        }
        let now = io::copy(&mut (&source).take(COPIED_AT_ONCE), &mut copy)
            .map_err(Failed::at("write", &to.at(DATABASE)))?;
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
