//! `agent drill`: restores a snapshot into an empty directory, and asks the etcd that was started on it.
//!
//! What the first step found is left in a file for the second: another container of the same pod, with the same directory.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use etcd_backup_operator::{
    agent::{AgentResult, DrillTask, ask_scratch},
    connect::Failure,
};
use etcd_backup_snapshot::restore::{Request, Target, cluster::InitialCluster};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    error::AgentError,
    open::{Opened, of_restore, open, random},
    tell,
};
use crate::{commands::restore::watch::watched, interrupt};

/// The one member of the cluster that is made.
const MEMBER: (&str, &str) = ("drill", "http://127.0.0.1:2380");

/// How long an etcd may take to start. Loading ten million keys takes it a minute; the Job's own deadline is longer.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often one that starts is asked.
const PAUSE: Duration = Duration::from_secs(1);

/// Restores the snapshot: proved against its manifest, built, on the disk, read back.
pub(super) async fn restore(task: &DrillTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let data_dir = task.data_dir();
    // Of a container that was killed, in a pod that goes on.
    match fs::remove_dir_all(&data_dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(AgentError::file("remove", &data_dir)(error));
        }
        _ => {}
    }
    let opened = open(&task.source, &task.store, task.decryption.as_deref(), secrets).await?;
    let request = request(task, &opened, data_dir)?;
    let named = request.expected.hash_kv.is_some();
    let cancel = CancellationToken::new();
    let restored = watched(opened.source(&cancel), request, cancel, tell::restoring())
        .await
        .map_err(of_restore)?;
    if restored.revision != task.source.revision {
        return Err(AgentError::AnotherRevision {
            found: restored.revision,
            expected: task.source.revision,
        });
    }
    let done = AgentResult::Drilled {
        revision: restored.revision,
        hash_kv: restored.hash_kv.map(|kv| kv.hash),
        // The engine compares what it computes.
        compared: named && restored.hash_kv.is_some(),
        etcd: None,
    };
    let file = task.restored();
    fs::write(&file, done.encode()).map_err(AgentError::file("write", &file))?;
    Ok(done)
}

/// What the engine is asked for: every revision as it was, so that HashKV can be compared.
fn request(task: &DrillTask, opened: &Opened, data_dir: PathBuf) -> Result<Request, AgentError> {
    let (name, url) = MEMBER;
    let cluster = InitialCluster::new([(name, [url])]).map_err(AgentError::Cluster)?;
    let target = Target {
        name: name.to_owned(),
        data_dir,
        wal_dir: None,
    };
    Ok(Request {
        bump_revision: 0,
        expected: opened.expected(&task.source),
        ..Request::new(cluster, vec![target], random()?)
    })
}

/// Asks the etcd that was started on it until it says what was restored, or something else.
pub(super) async fn check(task: &DrillTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let Some(endpoint) = &task.endpoint else {
        return Err(AgentError::Internal("there is no etcd to ask"));
    };
    let file = task.restored();
    let text = fs::read_to_string(&file).map_err(AgentError::file("read", &file))?;
    let Some(AgentResult::Drilled {
        revision,
        hash_kv,
        compared,
        ..
    }) = AgentResult::parse(&text)
    else {
        return Err(AgentError::Internal("what was restored is not written down"));
    };
    let answer = answer(|| ask_scratch(endpoint, task.auth.as_deref(), secrets, revision, hash_kv));
    let agreement = tokio::select! {
        agreement = answer => agreement.map_err(AgentError::Scratch)?,
        _ = interrupt::asked() => return Err(AgentError::Interrupted),
    };
    Ok(AgentResult::Drilled {
        revision,
        hash_kv: Some(agreement.hash_kv),
        compared,
        etcd: Some(agreement.version),
    })
}

/// Asks until there is an answer that lasts, or patience ends.
async fn answer<T, F>(ask: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let end = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(failure) if failure.transient && Instant::now() < end => {
                tracing::debug!(reason = failure.reason, "asking again: {}", failure.message);
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_etcd_that_starts_is_asked_again_and_one_that_says_something_else_is_not() {
        let asked = Cell::new(0);
        let third_time = || {
            asked.set(asked.get() + 1);
            let starting = Failure::transient("MemberDown", "it does not answer");
            std::future::ready(if asked.get() < 3 { Err(starting) } else { Ok(7) })
        };
        assert_eq!(answer(third_time).await, Ok(7));
        assert_eq!(asked.get(), 3);

        let differs = Failure::lasting("DataDiffers", "another hash");
        let other = answer(|| std::future::ready(Err::<(), _>(differs.clone()))).await;
        assert_eq!(other, Err(differs));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_answers_is_not_asked_for_ever() {
        let began = Instant::now();
        let down = Failure::transient("MemberDown", "it does not answer");
        let never = answer(|| std::future::ready(Err::<(), _>(down.clone()))).await;
        assert_eq!(never, Err(down));
        assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 2);
    }
}
