//! One file a verb.

pub(crate) mod completion;
pub(crate) mod operator;
pub(crate) mod snapshot;
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
        Verb::Snapshot(snapshot) => snapshot::run(snapshot, &cli.connection, cli.format),
        Verb::Version => version::run(cli.format),
        Verb::Completion(completion) => completion::run(&completion),
    }
}

/// Threads for everything that waits.
fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::new(Exit::Other, format!("cannot start threads: {error}")))
}
