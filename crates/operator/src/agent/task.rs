//! What an agent is to do.

use std::path::{Component, Path, PathBuf};

use etcd_backup_api::{ExistingData, PinnedSource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::StoreAccess;

/// The environment variable that holds the task, as JSON.
pub const TASK_VARIABLE: &str = "ETCD_BACKUP_TASK";

/// The step of a restore that a Job does for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Builds the new data beside the old. Changes nothing that is there.
    Prepare,
    /// Puts it into place.
    Commit,
    /// Takes away what was prepared.
    Discard,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 3] = [Self::Prepare, Self::Commit, Self::Discard];

    /// The word on the command line, in names of Jobs and in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Discard => "discard",
        }
    }

    /// The step that a label names.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

/// One member's part of a restore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreTask {
    /// Namespace and name of the EtcdRestore, for messages.
    pub restore: String,
    /// Its UID, which marks what is its own in the target.
    pub uid: String,
    /// The member that is worked for.
    pub member: String,
    /// Its data directory, as the pod sees it.
    pub data_dir: PathBuf,
    /// What to do about data that is there.
    pub existing_data: ExistingData,
    /// The snapshot, as it was found.
    pub source: PinnedSource,
    /// How to get at it.
    pub store: StoreAccess,
    /// Name of the Secret with the identities that it is decrypted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<String>,
    /// The revision to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// How much higher every revision becomes.
    pub bump_revision: u64,
    /// The token of the new cluster.
    pub initial_cluster_token: String,
    /// The etcd that will run on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// All members of the new cluster, in the order of the specification.
    pub members: Vec<Member>,
}

/// A member of the new cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its peer URLs.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
}

/// A task that cannot be understood.
#[derive(Debug, Error)]
pub enum TaskError {
    /// Nobody gave one.
    #[error(
        "the environment variable {TASK_VARIABLE} is not set: this command is run by the Jobs that the operator makes"
    )]
    Missing,
    /// It is not one.
    #[error("the environment variable {TASK_VARIABLE} holds no task: {0}")]
    Parse(#[source] serde_json::Error),
    /// A value in it cannot be used.
    #[error("the task cannot be done: {0}")]
    Invalid(&'static str),
}

/// Whether a path is absolute and has no parts that are . or ..
pub(super) fn leads_nowhere_else(path: &Path) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().all(plain)
}

/// Reads a task of any kind.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TaskError> {
    serde_json::from_str(text).map_err(TaskError::Parse)
}

impl RestoreTask {
    /// Reads what an environment variable held.
    ///
    /// # Errors
    /// When it is no task, or one that would write outside of the target.
    pub fn parse(text: &str) -> Result<Self, TaskError> {
        let task: Self = parse(text)?;
        if !leads_nowhere_else(&task.data_dir) {
            return Err(TaskError::Invalid(
                "the data directory is not an absolute path without . and ..",
            ));
        }
        if task.uid.is_empty()
            || !task
                .uid
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(TaskError::Invalid("the UID is none of Kubernetes'"));
        }
        if task.members.iter().all(|member| member.name != task.member) {
            return Err(TaskError::Invalid("the member is not one of the cluster"));
        }
        Ok(task)
    }

    /// What becomes `member`, once it is complete, beside the `member` that is there. Hidden, so that etcd looks past it, and
    /// named after the restore, so that no other one takes it for its own.
    pub fn prepared(&self) -> PathBuf {
        self.data_dir.join(format!(".etcd-restore-{}", self.uid))
    }

    /// Where that is built.
    pub fn building(&self) -> PathBuf {
        self.data_dir.join(format!(".etcd-restore-{}.building", self.uid))
    }

    /// The name that a member's old data gets, beside the new.
    pub fn aside(&self) -> PathBuf {
        let short: String = self
            .uid
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(8)
            .collect();
        self.data_dir.join(format!("member.replaced-{short}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A task as the operator writes it.
    pub(crate) fn task() -> Value {
        json!({
            "restore": "ns/after", "uid": "0a1b2c3d-4e5f", "member": "m0", "dataDir": "/target/data",
            "existingData": "Refuse",
            "source": {
                "url": "file:///backups/ns/prod/x", "key": "ns/prod/x", "storage": {"local": {"path": "/backups"}},
                "runID": "20261123T060000Z-abcdefgh", "sha256": "00", "size": 1, "snapshotSize": 2, "snapshotSHA256": "", "revision": 3,
                "clusterID": "1", "taken": "2026-11-23T06:00:00Z",
            },
            "store": {"allowEndpointCIDRs": [], "ambientEndpoints": []},
            "bumpRevision": 7, "initialClusterToken": "t",
            "members": [{"name": "m0", "peerURLs": ["https://m0:2380"]}],
        })
    }

    #[test]
    fn a_task_is_read_as_it_was_written() {
        let read = RestoreTask::parse(&task().to_string()).unwrap();
        let again = serde_json::to_string(&read).unwrap();
        assert_eq!(RestoreTask::parse(&again).unwrap(), read);
        assert_eq!(
            read.prepared(),
            Path::new("/target/data/.etcd-restore-0a1b2c3d-4e5f")
        );
        assert_eq!(
            read.building(),
            Path::new("/target/data/.etcd-restore-0a1b2c3d-4e5f.building")
        );
        assert_eq!(read.aside(), Path::new("/target/data/member.replaced-0a1b2c3d"));
    }

    #[test]
    fn a_task_that_leads_out_of_the_target_is_refused() {
        for (field, value) in [
            ("dataDir", json!("/target/../etc")),
            ("dataDir", json!("target")),
            ("uid", json!("../x")),
            ("uid", json!("")),
            ("member", json!("m9")),
            ("surprise", json!(1)),
        ] {
            let mut wrong = task();
            wrong[field] = value.clone();
            assert!(
                RestoreTask::parse(&wrong.to_string()).is_err(),
                "{field}: {value}"
            );
        }
    }

    #[test]
    fn a_word_names_its_step() {
        for step in Step::ALL {
            assert_eq!(Step::of(step.as_str()), Some(step));
        }
        assert_eq!(Step::of("destroy"), None);
    }
}
