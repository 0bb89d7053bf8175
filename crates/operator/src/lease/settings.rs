//! Where the Lease is, how it is kept, and by whom.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Where the Lease is and how it is kept. The three times relate as in Kubernetes' own components
/// (client-go leaderelection.go): duration > renew deadline > retry period.
#[derive(Debug, Clone)]
pub struct LeaseSettings {
    /// Namespace of the Lease: the operator's own.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are. Must differ between any two processes, also between two lives of one pod: see [`identity`].
    pub identity: String,
    /// How long others wait after the last change they saw before they take over.
    pub duration: Duration,
    /// How long after the last successful renewal this process still acts as the leader.
    pub renew_deadline: Duration,
    /// Pause between two renewals, and between two looks at somebody else's Lease.
    pub retry_period: Duration,
}

/// An identity for this life of the process: the pod's name and a random part, so that a restarted container
/// does not take its dead predecessor's term for its own.
pub fn identity(pod_name: &str) -> String {
    format!("{pod_name}_{:016x}", random())
}

/// Seeded by the operating system; for spreading and telling apart, not for secrets.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
