//! How much memory a verification may use.

/// Bounds on memory. The structure's notes alone decide whether a snapshot can be verified; what is kept for single keys
/// is given up first. See [`Verifier`](crate::Verifier) for what is used in practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bounds on the database itself, which refuse it when exceeded.
    pub structure: etcd_backup_bolt::Limits,
    /// While notes and keys together stay below this many bytes ... Default 11 MiB.
    pub ample: u64,
    /// ... and this many more for each page, keys are kept even where only HashKV needs them. Default 32.
    pub ample_per_page: u64,
    /// What keys may take when the count of keys depends on them: while a compaction was under way, and for as long as that
    /// is not known. 8 bytes a record, so the default of 256 MiB is enough for 33 million.
    pub keys: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            structure: etcd_backup_bolt::Limits::default(),
            ample: 11 << 20,
            ample_per_page: 32,
            keys: 256 << 20,
        }
    }
}
