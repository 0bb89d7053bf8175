//! What a comparison yields.

use serde::Serialize;

use crate::inspect::groups::Sum;
use crate::inspect::kubernetes::KubernetesPath;
use crate::inspect::text::UserKey;

/// A key that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The key.
    #[serde(flatten)]
    pub key: UserKey,
    /// What happened to it.
    #[serde(rename = "type")]
    pub kind: DifferenceKind,
    /// How it was, if it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<KeyVersion>,
    /// How it is, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<KeyVersion>,
    /// What its key says it is, if it is Kubernetes'.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesPath>,
}

/// What happened to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DifferenceKind {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It has another value.
    Changed,
}

/// One state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyVersion {
    /// When it was created, in that life.
    pub create_revision: i64,
    /// When it was last changed.
    pub mod_revision: i64,
    /// How often it was changed since it was created.
    pub version: i64,
    /// Bytes of its value.
    pub value_bytes: u64,
}

/// How many keys are not the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffCounts {
    /// Keys that were not there.
    pub added: u64,
    /// Keys that are not there any more.
    pub removed: u64,
    /// Keys that have another value.
    pub changed: u64,
}

/// A comparison in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffSummary {
    /// All keys together.
    pub total: DiffCounts,
    /// Keys with the same value, written again: another revision.
    pub rewritten: u64,
    /// Keys with the same value and revision.
    pub unchanged: u64,
    /// Keys that have the same revision in both and yet another value. In the history of one cluster there are none: if
    /// there are some, the snapshots are of two clusters, or of two restores of one, and revisions say nothing.
    pub diverged: u64,
    /// Kubernetes' keys by resource, most differences first.
    pub resources: Vec<DiffGroup>,
    /// Those of Kubernetes' keys whose resource is not named, and keys that are not Kubernetes'.
    pub other_resources: DiffCounts,
}

/// How many keys of a resource are not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffGroup {
    /// What the keys have in common at their beginning: `/registry/pods`.
    pub name: String,
    /// The numbers.
    #[serde(flatten)]
    pub counts: DiffCounts,
}

impl Sum for DiffCounts {
    fn add(&mut self, other: &Self) {
        self.added = self.added.saturating_add(other.added);
        self.removed = self.removed.saturating_add(other.removed);
        self.changed = self.changed.saturating_add(other.changed);
    }

    fn weight(&self) -> u64 {
        self.added
            .saturating_add(self.removed)
            .saturating_add(self.changed)
    }
}
