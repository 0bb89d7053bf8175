//! Why a reconcile failed. Waiting is not among it: that is a decision.

use std::time::Duration;

use thiserror::Error;

use crate::explain::{api_error, is_conflict, is_gone};
use crate::lease::NotLeader;
use crate::status::StatusError;

/// Why a reconcile failed.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The object as it is stored is not one of ours: an older definition, or written around the API server.
    #[error("the stored object does not fit its definition: {0}")]
    Undecodable(String),
    /// Somebody else leads now.
    #[error(transparent)]
    NotLeader(#[from] NotLeader),
    /// The status could not be written.
    #[error(transparent)]
    WriteStatus(StatusError),
    /// Finalizer, owner or labels could not be written.
    #[error("cannot write the metadata of {name}: {}", api_error(source))]
    WriteMetadata {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// An EtcdSnapshot could not be created.
    #[error("cannot create EtcdSnapshot {name}: {}", api_error(source))]
    CreateSnapshot {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// An EtcdSnapshot could not be deleted.
    #[error("cannot delete EtcdSnapshot {name}: {}", api_error(source))]
    DeleteSnapshot {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A Job could not be described.
    #[error("cannot describe a Job: {0}")]
    DescribeJob(#[source] crate::restore::job::JobError),
    /// A Job could not be created.
    #[error("cannot create Job {name}: {}", api_error(source))]
    CreateJob {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A Job could not be deleted.
    #[error("cannot delete Job {name}: {}", api_error(source))]
    DeleteJob {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A StatefulSet could not be scaled.
    #[error("cannot scale StatefulSet {name}: {}", api_error(source))]
    ScaleStatefulSet {
        /// The object.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The reconcile ended in a bug of ours. The others go on.
    #[error("the reconcile ended in a bug of the operator")]
    Panicked,
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cure {
    /// Wait until the object changes: trying again cannot help.
    Change,
    /// Our cache was behind; it will have caught up.
    Soon(Duration),
    /// Try again, less and less often.
    BackOff,
}

impl ReconcileError {
    /// The policy, by variant and by what the API server said.
    pub fn cure(&self) -> Cure {
        match self {
            Self::Undecodable(_) | Self::NotLeader(_) => Cure::Change,
            _ => self.answer().map_or(Cure::BackOff, by_answer),
        }
    }

    /// Whether the API server does not let us.
    pub fn is_forbidden(&self) -> bool {
        self.answer()
            .is_some_and(|source| matches!(source, kube::Error::Api(status) if status.is_forbidden()))
    }

    /// How the API server answered, where it was asked.
    fn answer(&self) -> Option<&kube::Error> {
        match self {
            Self::WriteStatus(StatusError::Write { source, .. })
            | Self::WriteMetadata { source, .. }
            | Self::CreateSnapshot { source, .. }
            | Self::DeleteSnapshot { source, .. }
            | Self::CreateJob { source, .. }
            | Self::DeleteJob { source, .. }
            | Self::ScaleStatefulSet { source, .. } => Some(source),
            Self::Undecodable(_)
            | Self::NotLeader(_)
            | Self::WriteStatus(StatusError::Encode(_))
            | Self::DescribeJob(_)
            | Self::Panicked => None,
        }
    }

    /// What the API server said, if it was its fault.
    pub fn message(&self) -> String {
        match self {
            Self::WriteStatus(error @ StatusError::Write { source, .. }) => {
                format!("{error}: {}", api_error(source))
            }
            other => other.to_string(),
        }
    }
}

fn by_answer(error: &kube::Error) -> Cure {
    if is_gone(error) {
        Cure::Change
    } else if is_conflict(error) {
        Cure::Soon(Duration::from_millis(500))
    } else {
        Cure::BackOff
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn refused(code: u16, message: &str) -> ReconcileError {
        let source = kube::Error::Api(Box::new(Status::failure(message, "Whatever").with_code(code)));
        ReconcileError::WriteStatus(StatusError::Write {
            kind: "EtcdBackup".into(),
            name: "prod".into(),
            source,
        })
    }

    #[test]
    fn each_error_has_its_own_cure() {
        assert_eq!(ReconcileError::Undecodable("x".into()).cure(), Cure::Change);
        assert_eq!(refused(404, "not found").cure(), Cure::Change);
        assert_eq!(refused(403, "namespace is being terminated").cure(), Cure::Change);
        assert!(matches!(
            refused(409, "the object has been modified").cure(),
            Cure::Soon(_)
        ));
        assert_eq!(refused(403, "User cannot patch resource").cure(), Cure::BackOff);
        assert_eq!(refused(503, "try later").cure(), Cure::BackOff);
        assert_eq!(ReconcileError::Panicked.cure(), Cure::BackOff);
    }

    #[test]
    fn a_missing_verb_is_named() {
        let message = refused(403, "User \"x\" cannot patch resource \"etcdbackups/status\"").message();
        assert!(
            message.contains("EtcdBackup prod") && message.contains("cannot patch resource"),
            "{message}"
        );
    }
}
