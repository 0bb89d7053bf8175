//! Our restores under real etcd: it starts on them with its own checks on, and holds what the snapshot held.

mod asked;
mod checked;
mod cluster;
mod downgrade;
mod full_disk;
mod held;
mod killed;
mod program;
mod runs;
mod saved;

use std::path::{Path, PathBuf};

/// Where etcd's log of a member is.
pub(crate) fn log_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}
