//! What an agent is to do in a drill.

use std::path::PathBuf;

use etcd_backup_api::PinnedSource;
use serde::{Deserialize, Serialize};

use super::task::{leads_nowhere_else, parse};
use super::{StoreAccess, TaskError};

/// Where the room for a drill is mounted: empty at first, and thrown away with the pod.
pub const SCRATCH: &str = "/drill";

/// What a pod of a drill does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillStep {
    /// Restores the snapshot.
    Restore,
    /// Asks the etcd that was started on what was restored.
    Check,
}

impl DrillStep {
    /// Every step.
    pub const ALL: [Self; 2] = [Self::Restore, Self::Check];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Check => "check",
        }
    }

    /// The step that a word names.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// A snapshot to be restored for no other reason than to see that it can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DrillTask {
    /// Namespace and name of the EtcdBackup, for messages.
    pub plan: String,
    /// The snapshot, as it was found.
    pub source: PinnedSource,
    /// How to get at it.
    pub store: StoreAccess,
    /// Name of the Secret with the identities that it is decrypted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<String>,
    /// Name of the Secret with the user that the restored etcd is asked as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// A directory with room for it. Nobody else's files are in it.
    pub scratch: PathBuf,
    /// Where an etcd is started on it, as the pod sees it. `None`: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl DrillTask {
    /// Reads what an environment variable held.
    ///
    /// # Errors
    /// When it is no task, or one that would write elsewhere.
    pub fn parse(text: &str) -> Result<Self, TaskError> {
        let task: Self = parse(text)?;
        if !leads_nowhere_else(&task.scratch) {
            return Err(TaskError::Invalid(
                "the directory of the drill is not an absolute path without . and ..",
            ));
        }
        Ok(task)
    }

    /// The data directory that is made.
    pub fn data_dir(&self) -> PathBuf {
        self.scratch.join("data")
    }

    /// Where the one who restores leaves word for the one who asks.
    pub fn restored(&self) -> PathBuf {
        self.scratch.join("restored.json")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    fn task() -> Value {
        let source = super::super::task::tests::task()["source"].clone();
        json!({
            "plan": "ns/prod", "source": source, "store": {"allowEndpointCIDRs": [], "ambientEndpoints": []},
            "scratch": "/drill", "endpoint": "http://127.0.0.1:2379",
        })
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let read = DrillTask::parse(&task().to_string()).unwrap();
        let again = serde_json::to_string(&read).unwrap();
        assert_eq!(DrillTask::parse(&again).unwrap(), read);
        assert_eq!(read.data_dir(), Path::new("/drill/data"));
    }

    #[test]
    fn a_task_that_leads_elsewhere_is_refused() {
        for (field, value) in [
            ("scratch", json!("/drill/../etc")),
            ("scratch", json!("drill")),
            ("surprise", json!(1)),
        ] {
            let mut wrong = task();
            wrong[field] = value.clone();
            assert!(DrillTask::parse(&wrong.to_string()).is_err(), "{field}: {value}");
        }
    }

    #[test]
    fn a_word_names_its_step() {
        for step in DrillStep::ALL {
            assert_eq!(DrillStep::of(step.as_str()), Some(step));
        }
        assert_eq!(DrillStep::of("prepare"), None);
    }
}
