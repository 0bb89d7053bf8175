//! A member's data directory, and what a restore has in it.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use etcd_backup_api::ExistingData;
use etcd_backup_operator::agent::RestoreTask;

use super::{
    error::AgentError,
    files::{create, is_absent, is_there, sync},
    origin::Origin,
};

/// The places in a data directory.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) data_dir: PathBuf,
    /// What etcd uses.
    pub(super) member: PathBuf,
    /// Where new data is being built.
    pub(super) building: PathBuf,
    /// New data that is complete.
    pub(super) prepared: PathBuf,
    /// Where the old data goes.
    pub(super) aside: PathBuf,
    existing: ExistingData,
    uid: String,
}

/// Keeps other steps of restores away from a data directory until it is dropped, or the process is gone.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Target {
    /// The places that a task speaks of. Refuses what leads elsewhere.
    pub(super) fn of(task: &RestoreTask) -> Result<Self, AgentError> {
        let target = Self {
            data_dir: task.data_dir.clone(),
            member: task.data_dir.join("member"),
            building: task.building(),
            prepared: task.prepared(),
            aside: task.aside(),
            existing: task.existing_data,
            uid: task.uid.clone(),
        };
        for path in [
            &target.data_dir,
            &target.member,
            &target.building,
            &target.prepared,
            &target.aside,
        ] {
            match fs::symlink_metadata(path) {
                Ok(found) if !found.is_dir() => return Err(AgentError::NotADirectory(path.clone())),
                Ok(_) => {}
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(AgentError::file("look at", path)(error)),
            }
        }
        Ok(target)
    }

    /// Creates the data directory where it does not exist.
    pub(super) fn create(&self) -> Result<(), AgentError> {
        create(&self.data_dir)
    }

    /// Makes this process the only one that works here. `None` where no data directory is.
    pub(super) fn lock(&self) -> Result<Option<Lock>, AgentError> {
        let directory = match File::open(&self.data_dir) {
            Ok(directory) => directory,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(AgentError::file("open", &self.data_dir)(error)),
        };
        match directory.try_lock() {
            Ok(()) => Ok(Some(Lock(directory))),
            Err(TryLockError::WouldBlock) => Err(AgentError::Busy(self.data_dir.clone())),
            Err(TryLockError::Error(error)) => Err(AgentError::file("lock", &self.data_dir)(error)),
        }
    }

    /// Where a directory came from, if it is this restore's.
    pub(super) fn own(&self, directory: &Path) -> Result<Option<Origin>, AgentError> {
        let found = Origin::read(directory)?;
        Ok(found.filter(|origin| origin.uid == self.uid))
    }

    /// Refuses a target whose data may not go aside: none may, or etcd runs on it.
    pub(super) fn refuse_occupied(&self) -> Result<(), AgentError> {
        if !is_there(&self.member)? {
            return Ok(());
        }
        if self.existing == ExistingData::Refuse {
            return Err(AgentError::Occupied(self.member.clone()));
        }
        // etcd holds bbolt's `flock` on its database while it runs. What cannot be opened is no etcd's of this user.
        let Ok(database) = File::open(self.member.join("snap/db")) else {
            return Ok(());
        };
        match database.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(AgentError::InUse(self.member.clone())),
            _ => Ok(()),
        }
    }

    /// Brings what the directory lists to the disk.
    pub(super) fn sync(&self) -> Result<(), AgentError> {
        sync(&self.data_dir)
    }
}
