//! To a plain file.

use std::{fs, io::Write, path::Path};

use bytes::Bytes;
use etcd_backup_backup::write::WriteError;
use etcd_backup_etcd::{Cluster, EtcdError, HASHED_UP_TO};
use etcd_backup_snapshot::{Report, Verifier, inspect::Snapshot};
use futures::StreamExt;
use tokio::{
    sync::mpsc::{self, Receiver},
    task::spawn_blocking,
};

use super::{
    member::{Opened, Quest},
    written::{Compared, Proof, Written},
};
use crate::{
    exit::{Exit, Failure},
    interrupt,
    part::Part,
    progress::Progress,
    size,
};

/// Messages of 32 KiB that wait for the disk: 8 MiB. A disk that is slower than etcd holds etcd back, as with etcdctl.
const QUEUE: usize = 256;

pub(super) async fn save(mut quest: Quest, path: &Path, overwrite: bool) -> Result<Written, Failure> {
    // Before etcd is troubled for nothing.
    let part = Part::create(path, overwrite || is_snapshot(path))?;
    interrupt::unless(async {
        let mut part = part;
        loop {
            let opened = quest.open().await?;
            let endpoint = opened.choice.endpoint.clone();
            let (back, copied) = copy(part, opened).await?;
            part = back;
            let (report, proof) = match copied {
                Ok(copied) => copied,
                // Another member may do better, unless this one was the last that was left.
                Err(error) if error.is_transient() && quest.avoid(&endpoint) => {
                    part.rewind()
                        .map_err(|error| Failure::storage("cannot begin again", &error))?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let compared = compare(quest.cluster(), &endpoint, &report).await?;
            part.keep()?;
            return Ok(Written::file(path, report, Proof { compared, ..proof }));
        }
    })
    .await
}

/// Whether a file by that name is what this verb writes. A job that saves to the same name each night replaces its own file, as it did with
/// etcdctl, and nobody else's.
fn is_snapshot(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) && Snapshot::open(path).is_ok()
}

/// Copies the stream, and proves what was copied. The outer error is ours, the inner one etcd's.
async fn copy(part: Part, opened: Opened) -> Result<(Part, Result<(Report, Proof), EtcdError>), Failure> {
    let Opened {
        choice,
        minimum,
        mut stream,
    } = opened;
    let mut progress = Progress::start(stream.total_bytes());
    let (queue, arrivals) = mpsc::channel(QUEUE);
    let writing = spawn_blocking(move || write(part, arrivals));
    let mut done = 0;
    let mut broken = None;
    while let Some(next) = stream.next().await {
        match next {
            Ok(bytes) => {
                done += bytes.len() as u64;
                progress.at(done);
                // The writer has given up, and says itself why.
                if queue.send(bytes).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(error);
                break;
            }
        }
    }
    drop(queue);
    drop(progress);
    // The member shall not wait for our disk.
    drop(stream);
    let (part, verifier) = writing
        .await
        .map_err(|_| Failure::new(Exit::Other, "the writing thread failed"))??;
    if let Some(error) = broken {
        return Ok((part, Err(error)));
    }
    let report = verifier.finish()?;
    fresh(&report, minimum)?;
    let proof = Proof::new(choice, minimum);
    Ok((part, Ok((report, proof))))
}

/// Writes and verifies until the queue ends. Blocks.
fn write(mut part: Part, mut arrivals: Receiver<Bytes>) -> Result<(Part, Verifier), Failure> {
    let mut verifier = Verifier::new();
    while let Some(bytes) = arrivals.blocking_recv() {
        verifier.push(&bytes)?;
        part.write_all(&bytes)
            .map_err(|error| Failure::storage("cannot write the snapshot", &error))?;
    }
    Ok((part, verifier))
}

/// Whether everything that was confirmed before is in it. A member's revision can be ahead of its last record: an empty one begins at 1, and a
/// compaction removes a deletion at its own revision.
fn fresh(report: &Report, minimum: i64) -> Result<(), Failure> {
    let reached = report.status.revision.max(report.compact_revision).max(1);
    if reached >= minimum {
        return Ok(());
    }
    let message = format!(
        "the snapshot stands at revision {reached}, but etcd had confirmed {minimum} before it was taken"
    );
    Err(Failure::new(Exit::Unsound, message)
        .hint("the member lags: try again, or name another one with --endpoints"))
}

/// Asks the living member for its hash of the same revision.
async fn compare(cluster: &Cluster, endpoint: &str, report: &Report) -> Result<Compared, Failure> {
    let Some(ours) = report.hash_kv.filter(|kv| kv.revision > 0) else {
        return Ok(Compared::Not("there is no revision to compare".to_owned()));
    };
    if report.status.total_size > HASHED_UP_TO {
        return Ok(Compared::Not(format!(
            "with more than {} the member would commit nothing for too long",
            size::human(HASHED_UP_TO)
        )));
    }
    match cluster
        .hash_at(endpoint, ours.revision, ours.compact_revision)
        .await
    {
        Err(why) => Ok(Compared::Not(why)),
        Ok(theirs) if theirs == ours.hash => Ok(Compared::Equal),
        Ok(theirs) => {
            let error = WriteError::HashMismatch {
                revision: ours.revision,
                ours: ours.hash,
                theirs,
            };
            Err(Failure::new(Exit::Unsound, error))
        }
    }
}
