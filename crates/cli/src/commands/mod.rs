//! One file a verb.

pub(crate) mod agent;
pub(crate) mod completion;
pub(crate) mod diff;
pub(crate) mod fetch;
pub(crate) mod inspect;
pub(crate) mod kubectl;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod operator;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod verify;
pub(crate) mod version;

use std::future::Future;

use tokio::runtime::Runtime;

use crate::{
    exit::{Exit, Failure},
    interrupt,
};

/// Threads for everything that waits.
fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::new(Exit::Other, format!("cannot start threads: {error}")))
}

/// Waits for what only reads, or gives up when asked to: a store that does not answer is given minutes.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(interrupt::unless(work));
    // A name that is still being looked up, say, is waited for by nobody.
    runtime.shutdown_background();
    done
}
