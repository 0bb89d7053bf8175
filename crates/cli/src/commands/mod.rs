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

use tokio::runtime::Runtime;

use crate::exit::{Exit, Failure};

/// Threads for everything that waits.
fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::new(Exit::Other, format!("cannot start threads: {error}")))
}
