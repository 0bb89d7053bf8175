//! How much looking into a snapshot may cost.

/// Bounds on memory. None of them makes an answer less than whole or refuses one: where a bound is reached, the file is
/// walked once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bounds on the database itself, which refuse it when exceeded.
    pub structure: etcd_backup_bolt::Limits,
    /// What the keys in hand may take at a time, in bytes; the record being read comes on top. Each pass over the file
    /// deals with as many keys as fit. Default 64 MiB, about 400,000 keys of Kubernetes' length.
    pub window: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            structure: etcd_backup_bolt::Limits::default(),
            window: 64 << 20,
        }
    }
}
