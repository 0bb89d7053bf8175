//! Reading back what was written, before it is put in place: the database's structure and content, the log, the snapshot
//! file, and that they agree as etcd's own check wants it (`server/verify/verify.go`).

use std::fs::File;
use std::io::Read;

use super::cluster::{Cluster, Member};
use super::error::RestoreError;
use super::member::DATABASE;
use super::output::Content;
use super::raft::{LOG_NAME, LOG_SIZE, Log, TERM, log, read_log, read_snapshot_file, snapshot_name};
use crate::directory::{Directory, Failed};
use crate::verify::read_content;

/// Where a member's files are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) snap: &'a Directory,
    pub(super) log: &'a Directory,
}

/// Proves one member's files.
pub(super) fn check(
    files: Files<'_>,
    cluster: &Cluster,
    member: &Member,
    written: Content,
) -> Result<(), RestoreError> {
    let failed = |what: String| RestoreError::Check {
        member: member.name.clone(),
        what,
    };
    let database = files.snap.file(DATABASE)?;
    let read = read_content(&database).map_err(|error| failed(format!("its database: {error}")))?;
    if (read.hash, read.items) != (written.hash, written.items) {
        return Err(failed(format!(
            "its database holds {} entries with hash {}, and {} with {} were written",
            read.items, read.hash, written.items, written.hash
        )));
    }
    let length = log(cluster, member.id).len();
    let log = read_start(&files.log.file(LOG_NAME)?, length)
        .map_err(Failed::at("read", &files.log.at(LOG_NAME)))?
        .and_then(|bytes| read_log(&bytes))
        .ok_or_else(|| failed("its log cannot be read".to_owned()))?;
    check_log(&log, cluster, member, (read.raft_index, read.raft_term))
        .map_err(|what| failed(what.to_owned()))?;

    let name = snapshot_name(cluster);
    let mut bytes = Vec::new();
    let mut file = files.snap.file(&name)?;
    file.read_to_end(&mut bytes)
        .map_err(Failed::at("read", &files.snap.at(&name)))?;
    let voters = cluster.members.iter().map(|member| member.id).collect();
    if read_snapshot_file(&bytes) != Some((cluster.size(), TERM, voters)) {
        return Err(failed("its snapshot file cannot be read".to_owned()));
    }
    Ok(())
}

/// `validateConsistentIndex` with `ExactIndex`, and that the log is this member's.
fn check_log(log: &Log, cluster: &Cluster, member: &Member, applied: (u64, u64)) -> Result<(), &'static str> {
    let ids: Vec<u64> = cluster.members.iter().map(|member| member.id).collect();
    let entries: Vec<u64> = log.entries.iter().map(|entry| entry.member).collect();
    if (log.member, log.cluster) != (member.id, cluster.id) || entries != ids {
        return Err("its log is not its own");
    }
    if applied != (log.commit, log.term) {
        return Err("its log and its database do not agree on what was applied");
    }
    match log.snapshots.last() {
        Some((index, term, voters)) if (*index, *term) == applied && *voters == ids => Ok(()),
        _ => Err("its log has no snapshot record at the last entry"),
    }
}

/// The first bytes of a log and some zeros behind them; `None` if the file has not its full length.
fn read_start(file: &File, length: usize) -> std::io::Result<Option<Vec<u8>>> {
    if file.metadata()?.len() != LOG_SIZE {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let enough = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(4096);
    file.take(enough).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
