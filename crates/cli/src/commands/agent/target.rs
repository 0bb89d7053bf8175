//! A member's data directory, and what a restore has in it.
//!
//! Whoever runs etcd owns the directory and may put what they like in it, while a step runs as root. So it is held, and what
//! is in it is reached from there and never through a link.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use etcd_backup_api::ExistingData;
use etcd_backup_operator::agent::RestoreTask;
use etcd_backup_snapshot::directory::{Directory, Failed};

use super::{error::AgentError, files::create, origin::Origin};

/// What etcd uses in its data directory.
pub(super) const MEMBER: &str = "member";

/// A data directory, and the names in it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) directory: Directory,
    /// Where new data is being built.
    pub(super) building: OsString,
    /// New data that is complete.
    pub(super) prepared: OsString,
    /// Where the old data goes.
    pub(super) aside: OsString,
    existing: ExistingData,
    uid: String,
}

impl Target {
    /// The data directory that a task speaks of, if there is one. Refuses what leads elsewhere.
    pub(super) fn find(task: &RestoreTask) -> Result<Option<Self>, AgentError> {
        match Directory::hold(&task.data_dir) {
            Ok(directory) => Self::of(task, directory).map(Some),
            Err(failed) if failed.is_absent() => Ok(None),
            Err(failed) if failed.is_no_directory() => Err(AgentError::NotADirectory(task.data_dir.clone())),
            Err(failed) => Err(failed.into()),
        }
    }

    /// The same, created where it does not exist.
    pub(super) fn create(task: &RestoreTask) -> Result<Self, AgentError> {
        match Self::find(task)? {
            Some(target) => Ok(target),
            None => Self::of(task, create(&task.data_dir)?),
        }
    }

    fn of(task: &RestoreTask, directory: Directory) -> Result<Self, AgentError> {
        let target = Self {
            directory,
            building: name(&task.building()),
            prepared: name(&task.prepared()),
            aside: name(&task.aside()),
            existing: task.existing_data,
            uid: task.uid.clone(),
        };
        let names = [&target.building, &target.prepared, &target.aside];
        for name in names
            .into_iter()
            .map(OsString::as_os_str)
            .chain([MEMBER.as_ref()])
        {
            if target.directory.look(name)?.is_some_and(|found| !found.is_dir()) {
                return Err(AgentError::NotADirectory(target.directory.at(name)));
            }
        }
        Ok(target)
    }

    /// Keeps other steps of restores away from it until this is dropped, or the process is gone.
    pub(super) fn lock(&self) -> Result<(), AgentError> {
        if self.directory.lock()? {
            Ok(())
        } else {
            Err(AgentError::Busy(self.directory.path().to_owned()))
        }
    }

    pub(super) fn is_there(&self, name: impl AsRef<OsStr>) -> Result<bool, AgentError> {
        Ok(self.directory.look(name)?.is_some())
    }

    /// Where a directory in it came from, if it is this restore's.
    pub(super) fn own(&self, name: impl AsRef<OsStr>) -> Result<Option<Origin>, AgentError> {
        let found = Origin::read(&self.directory, name.as_ref())?;
        Ok(found.filter(|origin| origin.uid == self.uid))
    }

    /// Refuses a target whose data may not go aside: none may, or etcd runs on it.
    pub(super) fn refuse_occupied(&self) -> Result<(), AgentError> {
        if !self.is_there(MEMBER)? {
            return Ok(());
        }
        let member = self.directory.at(MEMBER);
        if self.existing == ExistingData::Refuse {
            return Err(AgentError::Occupied(member));
        }
        if self.directory.is_in_use(Path::new("member/snap/db")) {
            return Err(AgentError::InUse(member));
        }
        Ok(())
    }

    /// Renames what is in it to where nothing is.
    pub(super) fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> Result<(), AgentError> {
        let moved = self.directory.move_to(from, &self.directory, to);
        moved.map_err(|failed| match failed {
            failed if failed.is_taken() => AgentError::AsideTaken(failed.path),
            failed => failed.into(),
        })
    }

    /// Brings what the directory lists to the disk.
    pub(super) fn sync(&self) -> Result<(), Failed> {
        self.directory.sync()
    }
}

fn name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}
