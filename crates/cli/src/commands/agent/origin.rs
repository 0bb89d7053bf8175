//! Where a member's data came from, written down inside it.
//!
//! The file is there before the directory gets its name, so whoever sees the directory in place knows whose work it is,
//! however often a step is killed and done again. etcd looks only for `snap` and `wal` in a member's directory.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use etcd_backup_operator::agent::{AgentResult, RestoreTask};
use serde::{Deserialize, Serialize};

use super::{
    error::AgentError,
    files::{is_absent, sync},
};

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
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, AgentError> {
        let path = file(directory);
        match fs::read(&path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if is_absent(&error) || error.kind() == ErrorKind::PermissionDenied => Ok(None),
            Err(error) => Err(AgentError::file("read", &path)(error)),
        }
    }

    /// Writes it into a directory, and to the disk.
    pub(super) fn write(&self, directory: &Path) -> Result<(), AgentError> {
        let path = file(directory);
        let text = serde_json::to_vec(self).map_err(|_| AgentError::Internal("no JSON"))?;
        fs::write(&path, text).map_err(AgentError::file("write", &path))?;
        sync(&path)?;
        sync(directory)
    }
}

fn file(directory: &Path) -> PathBuf {
    directory.join(FILE)
}
