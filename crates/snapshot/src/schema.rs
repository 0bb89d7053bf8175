//! Names in etcd's database (`server/storage/schema/bucket.go`, `schema.go`).

/// The history of all keys.
pub(crate) const KEY: &[u8] = b"key";
/// What the server notes about itself.
pub(crate) const META: &[u8] = b"meta";
/// What the cluster agreed on.
pub(crate) const CLUSTER: &[u8] = b"cluster";
/// Alarms that members raised.
pub(crate) const ALARM: &[u8] = b"alarm";
/// Leases and how long they live.
pub(crate) const LEASE: &[u8] = b"lease";
/// Who is in the cluster.
pub(crate) const MEMBERS: &[u8] = b"members";
/// Who was.
pub(crate) const MEMBERS_REMOVED: &[u8] = b"members_removed";
/// `meta`: who votes, as of the last configuration change applied.
pub(crate) const CONF_STATE: &[u8] = b"confState";

/// Single values that a report needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Setting {
    /// `meta`: the last raft entry applied, 8 bytes big-endian.
    ConsistentIndex,
    /// `meta`: its term, likewise, since 3.5.
    Term,
    /// `meta`: the revision that history is to be, or was, compacted to.
    ScheduledCompact,
    /// `meta`: the revision to which that has ended.
    FinishedCompact,
    /// `meta`: since 3.6.
    StorageVersion,
    /// `cluster`: the version all members can speak.
    ClusterVersion,
    /// `cluster`: JSON, while a downgrade is enabled.
    Downgrade,
}

impl Setting {
    const ALL: [(Self, &'static str); 7] = [
        (Self::ConsistentIndex, "consistent_index"),
        (Self::Term, "term"),
        (Self::ScheduledCompact, "scheduledCompactRev"),
        (Self::FinishedCompact, "finishedCompactRev"),
        (Self::StorageVersion, "storageVersion"),
        (Self::ClusterVersion, "clusterVersion"),
        (Self::Downgrade, "downgrade"),
    ];

    /// The setting with this key, in whichever bucket.
    pub(crate) fn of_key(key: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, name)| name.as_bytes() == key)
            .map(|(setting, _)| *setting)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(setting, _)| *setting == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(setting, _)| *setting)
            .find(|setting| *setting as u8 == code)
    }
}
