//! `etcd-backup agent`: what the pods of Jobs run.
//!
//! A member's new data is built in `.etcd-restore-<uid>.building` inside its data directory, becomes `.etcd-restore-<uid>` when
//! it is complete and on the disk, and then changes places with `member`. Everything happens inside the data directory,
//! because that may be the root of a volume; all of it in one directory, because then only that has to be writable, whoever
//! the old data belongs to.

mod build;
mod commit;
mod discard;
mod error;
mod exchange;
mod origin;
mod owner;
mod prepare;
mod report;
mod target;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use etcd_backup_operator::agent::{
    AgentResult, RestoreTask, SECRETS, Step, TASK_VARIABLE, TERMINATION_LOG, TaskError,
};

use self::error::AgentError;
use crate::{commands::runtime, exit::Failure, path::path};

/// What an agent does.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    Restore(Restore),
}

/// Do one member's part of an EtcdRestore
///
/// Run by the Jobs that the operator makes; to restore by hand there is `etcd-backup restore`. The task is read from the
/// environment variable ETCD_BACKUP_TASK. What came of it is written as JSON where Kubernetes looks for a container's
/// termination message. Exit code 10 says that trying again cannot help.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// prepare, commit or discard
    #[arg(value_name = "STEP", value_parser = step)]
    step: Step,

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

pub(crate) fn run(agent: &Agent) -> Result<(), Failure> {
    let Agent::Restore(restore) = agent;
    let done = task().and_then(|task| match restore.step {
        Step::Prepare => runtime_of(&task, &restore.secrets),
        Step::Commit => commit::commit(&task),
        Step::Discard => discard::discard(&task),
    });
    report::report(done, &restore.termination_log)
}

fn task() -> Result<RestoreTask, AgentError> {
    let text = std::env::var(TASK_VARIABLE).map_err(|_| AgentError::Task(TaskError::Missing))?;
    RestoreTask::parse(&text).map_err(AgentError::Task)
}

fn runtime_of(task: &RestoreTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let runtime = runtime().map_err(|_| AgentError::Internal("cannot start threads"))?;
    runtime.block_on(prepare::prepare(task, secrets))
}
