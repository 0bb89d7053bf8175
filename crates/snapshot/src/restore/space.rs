//! Whether there is room for everything, asked before anything is written.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use rustix::fs::fstatvfs;

use super::error::RestoreError;
use super::member::Job;
use super::raft::LOG_SIZE;
use crate::directory::{Directory, Failed};

/// Checks that each filesystem has room for the members that go there: for each the database, which gets no larger than the
/// snapshot, and a log; for the first also the snapshot, if it has to be kept meanwhile. Where the size is not known, only the
/// logs are counted, and a disk that fills up is told when it does.
pub(super) fn check<'a>(jobs: &'a [Job], snapshot: Option<u64>, received: bool) -> Result<(), RestoreError> {
    let size = snapshot.unwrap_or(0);
    let mut needed: BTreeMap<u64, (&Directory, u64)> = BTreeMap::new();
    let mut add = |parent: &'a Directory, bytes: u64| -> Result<(), RestoreError> {
        let (_, sum) = needed.entry(parent.metadata()?.dev()).or_insert((parent, 0));
        *sum = sum.saturating_add(bytes);
        Ok(())
    };
    for (index, job) in jobs.iter().enumerate() {
        let copies = if index == 0 && received { 2 } else { 1 };
        add(job.data.parent(), size.saturating_mul(copies))?;
        add(job.log.as_ref().unwrap_or(&job.data).parent(), LOG_SIZE)?;
    }
    for (parent, needed) in needed.into_values() {
        let status = fstatvfs(parent).map_err(Failed::at("look at", parent.path()))?;
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        if free < needed {
            return Err(RestoreError::Space {
                path: parent.path().to_owned(),
                needed,
                free,
            });
        }
    }
    Ok(())
}
