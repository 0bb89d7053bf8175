//! Whether there is room for everything, asked before anything is written.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use super::disk;
use super::error::RestoreError;
use super::member::Job;
use super::raft::LOG_SIZE;
use crate::directory::{Directory, Failed};

/// What building from a kept snapshot takes beside one copy of it: what was read and not given back yet, and what was made and not
/// written yet ([`Spool`](super::spool::Spool), [`write_database`](super::sink::write_database)), 10 MiB in all, and what the
/// filesystem takes for itself.
const MARGIN: u64 = 16 << 20;

/// Checks that each filesystem has room for the members that go there: for each the database, which gets no larger than the
/// snapshot, and a log. A snapshot that has to be kept meanwhile is gone before there is a log, and is given back while it is
/// built from: then there is one copy of it, in two parts, and a [`MARGIN`]. Where the size is not known, only the logs are
/// counted, and a disk that fills up is told when it does.
pub(super) fn check<'a>(jobs: &'a [Job], snapshot: Option<u64>, received: bool) -> Result<(), RestoreError> {
    let size = snapshot.unwrap_or(0);
    let mut needed: BTreeMap<u64, (&Directory, u64)> = BTreeMap::new();
    let mut add = |parent: &'a Directory, bytes: u64| -> Result<(), RestoreError> {
        let (_, sum) = needed.entry(parent.metadata()?.dev()).or_insert((parent, 0));
        *sum = sum.saturating_add(bytes);
        Ok(())
    };
    for job in jobs {
        add(job.data.parent(), size)?;
        add(job.log.as_ref().unwrap_or(&job.data).parent(), LOG_SIZE)?;
    }
    if received && let (Some(first), Some(size)) = (jobs.first(), snapshot) {
        check_one(first.data.parent(), size.saturating_add(MARGIN))?;
    }
    needed
        .into_values()
        .try_for_each(|(parent, needed)| check_one(parent, needed))
}

/// Likewise where a snapshot that is kept cannot be counted on to be given back: it and the first member's database, both whole.
pub(super) fn check_for_both(parent: &Directory, snapshot: Option<u64>) -> Result<(), RestoreError> {
    let needed = |size: u64| size.saturating_mul(2).saturating_add(MARGIN);
    snapshot.map_or(Ok(()), |size| check_one(parent, needed(size)))
}

fn check_one(parent: &Directory, needed: u64) -> Result<(), RestoreError> {
    let free = disk::free(parent).map_err(Failed::at("look at", parent.path()))?;
    if free < needed {
        return Err(RestoreError::Space {
            path: parent.path().to_owned(),
            needed,
            free,
        });
    }
    Ok(())
}
