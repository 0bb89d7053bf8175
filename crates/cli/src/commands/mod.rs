//! One file a verb.

pub(crate) mod agent;
pub(crate) mod completion;
pub(crate) mod diff;
pub(crate) mod fetch;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod operator;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod verify;
mod version;

use tokio::runtime::Runtime;

use crate::{
    args::{Cli, Verb},
    exit::{Exit, Failure},
};

/// Does what was typed.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Verb::Operator(operator) => operator::run(*operator),
        Verb::Agent(agent) => agent::run(&agent),
        Verb::Snapshot(snapshot) => snapshot::run(snapshot, &cli.connection, cli.format),
        Verb::List(list) => list::run(&list, cli.format),
        Verb::Show(show) => show::run(&show, cli.format),
        Verb::Verify(verify) => verify::run(&verify, cli.format),
        Verb::Fetch(fetch) => fetch::run(&fetch, cli.format),
        Verb::Restore(restore) => restore::run(&restore, cli.format),
        Verb::Inspect(inspect) => inspect::run(&inspect, cli.format),
        Verb::Diff(diff) => diff::run(&diff, cli.format),
        Verb::Retention(retention) => retention::run(&retention, cli.format),
        Verb::Version => version::run(cli.format),
        Verb::Man(man) => man::run(&man),
        Verb::Completion(completion) => completion::run(&completion),
    }
}

/// Threads for everything that waits.
fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::new(Exit::Other, format!("cannot start threads: {error}")))
}
