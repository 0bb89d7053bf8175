//! What both controllers have in common: how a reconcile is driven, what its errors mean, when it comes again.

mod backoff;
mod drive;
mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use kube::runtime::controller::Action;

pub use backoff::Backoffs;
pub use drive::drive;
pub use error::ReconcileError;

/// The longest sleep between two looks at an object. Sleeping is done on the monotonic clock and slots come by
/// the wall clock: when that is set, or the machine was suspended, the difference ends here. A look costs
/// nothing but a little processor time.
const LONGEST_SLEEP: Duration = Duration::from_mins(10);

/// Comes again at `again`, or only when something changes.
pub fn action(again: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Action {
    match again {
        Some(again) => Action::requeue((again - now).to_std().unwrap_or_default().min(LONGEST_SLEEP)),
        None => Action::await_change(),
    }
}
