//! Runs: one attempt to take one snapshot each, in a bounded pool beside the reconciles.
//!
//! A reconcile never waits for a run. It submits one ([`Runs::submit`]), is woken when the run changes
//! state, and reads what became of it ([`Runs::state`]).

mod execute;
mod job;
mod limits;
mod living;
mod member;
mod places;
mod pool;
mod queue;
mod recipe;
mod request;
mod state;
mod stop;
mod supervise;
mod take;
#[cfg(test)]
mod tests;
mod ticks;

pub use execute::Executor;
pub use job::{Dispatch, JobExecutor, SpoolOfPods, Waits, job_name};
pub use limits::Limits;
pub use living::living;
pub use pool::Runs;
pub use recipe::check;
pub use request::{
    ClusterKeys, Execute, RunFailure, RunRequest, RunResult, RunState, SnapshotId, Taken, Trigger,
};
pub use take::{Ends, Take, Witness};
