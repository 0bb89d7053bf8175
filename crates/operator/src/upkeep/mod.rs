//! Upkeep: looking after what a plan has in its store, beside the reconciles.
//!
//! A reconcile asks for a [`Job`] and is woken when it is done. Jobs of one plan run one after the other, jobs of
//! different plans side by side up to a limit. What fails for a passing reason is tried again here, at growing
//! intervals; what fails for a lasting one waits for the next request.

mod care;
mod delete;
mod known;
mod live;
mod place;
mod policy;
mod prune;
mod result;
#[cfg(test)]
mod tests;
mod work;
mod yard;

pub use care::Caretaker;
pub use known::UpkeepResult;
pub use live::{Live, Pins, Watched};
pub use result::{Deletion, Job, Refusal, Removal, RetentionOutcome};
pub use work::{Tend, Tended, Work};
pub use yard::{Bounds, Upkeep};
