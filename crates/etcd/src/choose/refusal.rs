//! Why no member was chosen.

use super::{Excluded, eligible::Candidate};
use crate::{EtcdError, Survey, text};

/// No member can be used. The text names each endpoint and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody answered.
    #[error("no member answered: {}", joined(.errors))]
    NobodyAnswered {
        /// Every endpoint's error.
        errors: Vec<String>,
        /// Their common reason, `Unreachable` when they differ.
        reason: &'static str,
        /// Whether one of them may pass by itself.
        transient: bool,
    },
    /// The endpoints belong to more than one cluster.
    #[error("the endpoints belong to different clusters: {}. Name the members of one cluster only", listed(.clusters))]
    DifferentClusters {
        /// Cluster ids with their endpoints.
        clusters: Vec<(u64, Vec<String>)>,
    },
    /// The endpoints belong to another cluster than before.
    #[error(
        "the endpoints belong to the cluster {}, but {} is expected. If the cluster was rebuilt or restored on purpose, set spec.etcd.clusterID of the plan (or --cluster-id) to \
         the new one; its snapshots are kept apart from the old ones",
        text::id(*.found), text::id(*.expected)
    )]
    UnexpectedCluster {
        /// The pinned id.
        expected: u64,
        /// The id found.
        found: u64,
    },
    /// Members answer, and none knows a leader.
    #[error(
        "the cluster has no quorum: {}. A snapshot of a member in this state may lack the newest writes; allow degraded snapshots (spec.etcd.allowDegraded, or --allow-degraded) to take it all the same",
        joined(.members)
    )]
    NoQuorum {
        /// Every endpoint and its state.
        members: Vec<String>,
    },
    /// Members answer, and each is left out for a reason of its own.
    #[error("no member can be used: {}. {}", joined(.members), remedy(*.corrupt))]
    NobodyEligible {
        /// Every endpoint and why it is left out.
        members: Vec<String>,
        /// Whether the alarm CORRUPT is what leaves members out.
        corrupt: bool,
    },
}

impl Refusal {
    /// A stable CamelCase word, fit for a condition's reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NobodyAnswered { reason, .. } => reason,
            Self::DifferentClusters { .. } | Self::UnexpectedCluster { .. } => "ClusterIdMismatch",
            Self::NoQuorum { .. } => "NoQuorum",
            Self::NobodyEligible { corrupt: true, .. } => "Corrupt",
            Self::NobodyEligible { .. } => "NoHealthyMember",
        }
    }

    /// Whether it may pass without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NobodyAnswered { transient, .. } => *transient,
            Self::DifferentClusters { .. } | Self::UnexpectedCluster { .. } => false,
            Self::NoQuorum { .. } => true,
            Self::NobodyEligible { corrupt, .. } => !corrupt,
        }
    }

    pub(super) fn nobody_answered(survey: &Survey) -> Self {
        let errors: Vec<&EtcdError> = survey
            .probes
            .iter()
            .filter_map(|p| p.status.as_ref().err())
            .collect();
        let first = errors.first().map_or("Unreachable", |e| e.reason());
        let agreed = errors.iter().all(|e| e.reason() == first);
        Self::NobodyAnswered {
            reason: if agreed { first } else { "Unreachable" },
            transient: errors.iter().any(|e| e.is_transient()),
            errors: errors.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn nobody_eligible(survey: &Survey, candidates: &[Candidate<'_>]) -> Self {
        let judged = candidates
            .iter()
            .filter_map(|c| Some(format!("{} {}", c.endpoint, c.excluded.as_ref()?)));
        let silent = survey
            .probes
            .iter()
            .filter_map(|p| p.status.as_ref().err().map(ToString::to_string));
        let members = judged.chain(silent).collect();
        let voters = || {
            candidates
                .iter()
                .filter(|c| c.excluded != Some(Excluded::Learner))
        };
        if voters().next().is_some() && voters().all(|c| c.excluded == Some(Excluded::NoLeader)) {
            return Self::NoQuorum { members };
        }
        Self::NobodyEligible {
            members,
            corrupt: candidates.iter().any(|c| c.excluded == Some(Excluded::Corrupt)),
        }
    }
}

/// What helps when each member is left out for a reason of its own.
const fn remedy(corrupt: bool) -> &'static str {
    if corrupt {
        "Keep the snapshots there are; find the member whose data differs (etcdctl endpoint hashkv), replace it, then clear the alarm (etcdctl alarm disarm)"
    } else {
        "Wait until one of them has caught up, or name other members of the cluster too"
    }
}

/// As many as a status message has room for.
fn joined(parts: &[String]) -> String {
    const SHOWN: usize = 5;
    let text = parts[..parts.len().min(SHOWN)].join("; ");
    match parts.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

fn listed(clusters: &[(u64, Vec<String>)]) -> String {
    let parts: Vec<_> = clusters
        .iter()
        .map(|(id, endpoints)| format!("{} ({})", text::id(*id), endpoints.join(", ")))
        .collect();
    parts.join("; ")
}
