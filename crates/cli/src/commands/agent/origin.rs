//! Where a member's data came from, written down inside it.
//!
//! The file is there before the directory gets its name, so whoever sees the directory in place knows whose work it is,
//! however often a step is killed and done again. etcd looks only for `snap` and `wal` in a member's directory.

use std::{
    ffi::OsStr,
    io::{ErrorKind, Read, Write},
};

use chrono::{DateTime, Utc};
use etcd_backup_operator::agent::{AgentResult, RestoreTask};
use etcd_backup_snapshot::directory::{Directory, Failed};
use serde::{Deserialize, Serialize};

use super::error::AgentError;

/// Its name.
const FILE: &str = "etcd-backup-restore.json";

/// Where a member's data came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    /// Namespace and name of the EtcdRestore.
    pub(super) restore: String,
    /// Its UID.
    pub(super) uid: String,
    /// Name of the member.
    pub(super) member: String,
    /// The snapshot.
    pub(super) source: String,
    /// When it was built.
    pub(super) time: DateTime<Utc>,
    /// What was built.
    pub(super) prepared: AgentResult,
}

impl Origin {
    pub(super) fn new(task: &RestoreTask, prepared: AgentResult, time: DateTime<Utc>) -> Self {
        Self {
            restore: task.restore.clone(),
            uid: task.uid.clone(),
            member: task.member.clone(),
            source: task.source.url.clone(),
            time,
            prepared,
        }
    }

    /// Reads what a directory says. `None` when it says nothing, or nothing that this user may read: then it is another's.
    pub(super) fn read(parent: &Directory, name: &OsStr) -> Result<Option<Self>, AgentError> {
        let read = || {
            let directory = parent.directory(name)?;
            let mut text = Vec::new();
            let read = directory.file(FILE)?.read_to_end(&mut text);
            read.map_err(Failed::at("read", &directory.at(FILE)))?;
            Ok(text)
        };
        match read() {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(Failed { source, .. })
                if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) =>
            {
                Ok(None)
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Writes it into a directory, and to the disk.
    pub(super) fn write(&self, directory: &Directory) -> Result<(), AgentError> {
        let text = serde_json::to_vec(self).map_err(|_| AgentError::Internal("no JSON"))?;
        let mut file = directory.create_file(FILE)?;
        let written = file.write_all(&text).and_then(|()| file.sync_all());
        written.map_err(Failed::at("write", &directory.at(FILE)))?;
        Ok(directory.sync()?)
    }
}
