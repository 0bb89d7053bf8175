//! `etcd-backup agent`: what the pods of Jobs run.
//!
//! For drills see [`drill`]. In a restore a member's new data is built in `.etcd-restore-<uid>.building` inside its data directory, becomes `.etcd-restore-<uid>` when
//! it is complete and on the disk, and then changes places with `member`. Everything happens inside the data directory,
//! because that may be the root of a volume; all of it in one directory, because then only that has to be writable, whoever
//! the old data belongs to.

mod build;
mod commit;
mod discard;
mod drill;
mod error;
mod files;
mod open;
mod origin;
mod owner;
mod prepare;
mod report;
mod take;
mod target;
mod tell;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use etcd_backup_operator::agent::{
    AgentResult, DrillStep, DrillTask, RestoreTask, SECRETS, SnapshotTask, Step, TASK_VARIABLE,
    TERMINATION_LOG, TaskError,
};

use self::error::AgentError;
use crate::{commands::runtime, exit::Failure, path::path};

/// What an agent does.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    Restore(Restore),
    Drill(Drill),
    Snapshot(Snapshot),
}

/// Do one member's part of an EtcdRestore
///
/// Run by the Jobs that the operator makes; to restore by hand there is `etcd-backup restore`. The task is read from the
/// environment variable ETCD_BACKUP_TASK. How far it is, is printed every few seconds, in lines that begin with `progress`.
/// What came of it is written as JSON where Kubernetes looks for a container's termination message. Exit code 10 says that
/// trying again cannot help.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// prepare, commit or discard
    #[arg(value_name = "STEP", value_parser = step)]
    step: Step,

    #[command(flatten)]
    pod: Pod,
}

/// Restore a snapshot to see that it can be
///
/// Run by the Jobs that the operator makes for plans with `verification: Restore`; to prove a snapshot by hand there is
/// `etcd-backup verify`. Task, progress, result and exit code are as those of `agent restore`.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// restore, or check: ask the etcd that was started on what was restored
    #[arg(value_name = "STEP", value_parser = drill_step)]
    step: DrillStep,

    #[command(flatten)]
    pod: Pod,
}

/// Take one snapshot
///
/// Run by the Jobs that the operator makes for plans with `runner.type: Job`; to take one by hand there is `etcd-backup
/// snapshot save`. Task, progress, result and exit code are as those of `agent restore`.
#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    #[command(flatten)]
    pod: Pod,
}

/// Where things are in the pod.
#[derive(Debug, Args)]
struct Pod {
    /// Where Secrets are mounted, each in a directory of its own name
    #[arg(long, default_value = SECRETS, value_parser = path(), value_name = "DIR")]
    secrets: PathBuf,

    /// Where the result goes
    #[arg(long, default_value = TERMINATION_LOG, value_parser = path(), value_name = "FILE")]
    termination_log: PathBuf,
}

fn step(word: &str) -> Result<Step, String> {
    Step::of(word).ok_or_else(|| "write prepare, commit or discard".to_owned())
}

fn drill_step(word: &str) -> Result<DrillStep, String> {
    DrillStep::of(word).ok_or_else(|| "write restore or check".to_owned())
}

pub(crate) fn run(agent: &Agent) -> Result<(), Failure> {
    let (done, pod) = match agent {
        Agent::Restore(restore) => (restored(restore), &restore.pod),
        Agent::Drill(drill) => (drilled(drill), &drill.pod),
        Agent::Snapshot(snapshot) => (taken(snapshot), &snapshot.pod),
    };
    report::report(done, &pod.termination_log)
}

fn restored(restore: &Restore) -> Result<AgentResult, AgentError> {
    let task = RestoreTask::parse(&task()?).map_err(AgentError::Task)?;
    match restore.step {
        Step::Prepare => waiting(prepare::prepare(&task, &restore.pod.secrets)),
        Step::Commit => commit::commit(&task),
        Step::Discard => discard::discard(&task),
    }
}

fn drilled(drill: &Drill) -> Result<AgentResult, AgentError> {
    let task = DrillTask::parse(&task()?).map_err(AgentError::Task)?;
    match drill.step {
        DrillStep::Restore => waiting(drill::restore(&task, &drill.pod.secrets)),
        DrillStep::Check => waiting(drill::check(&task, &drill.pod.secrets)),
    }
}

fn taken(snapshot: &Snapshot) -> Result<AgentResult, AgentError> {
    let task = SnapshotTask::parse(&task()?).map_err(AgentError::Task)?;
    waiting(take::take(&task, &snapshot.pod.secrets))
}

fn task() -> Result<String, AgentError> {
    std::env::var(TASK_VARIABLE).map_err(|_| AgentError::Task(TaskError::Missing))
}

fn waiting(work: impl Future<Output = Result<AgentResult, AgentError>>) -> Result<AgentResult, AgentError> {
    let runtime = runtime().map_err(|_| AgentError::Internal("cannot start threads"))?;
    runtime.block_on(work)
}
