//! Which backups are kept, which go, and why. Pure: no clock, no store.
//!
//! # The rules
//!
//! Only verified backups of one plan and one generation (etcd cluster id) take part. Anything else neither counts nor
//! protects, and is never removed by a policy.
//!
//! 1. `keep_last`, `keep_hourly` … `keep_yearly` each name backups to keep; what any of them names is kept. A period
//!    (an hour, a day, an ISO week, a month, a year of the plan's time zone) is represented by its newest backup, and only
//!    periods that hold a backup are counted. Without any of these rules, all are kept.
//! 2. `max_age` is an upper bound on all of the above: what is older goes, whichever rule named it. Age is measured at
//!    the newest verified backup, not now: when backups stop, nothing gets any older.
//! 3. Whatever the rules say, these stay: the newest verified backup, a pinned one, one that a restore is reading, and one
//!    whose lock had not ended when the newest verified backup was taken.
//!
//! # When nothing is removed
//!
//! A plan can [`hold`](RetentionPlan::hold): the clock is behind the newest backup or has leapt, the newest backup is
//! drastically smaller than the one before it, or its revision went back. Then `remove` is empty and `held` says what
//! would have gone. The last three end by themselves as soon as a second backup confirms the first.
//!
//! # Promises (each is a property test)
//!
//! The same candidates in any order give the same verdicts; what is kept stays kept when the plan is made again;
//! a stricter policy keeps a subset; and a plan that removes anything keeps at least the newest verified backup.

mod period;
mod plan;
mod policy;
#[cfg(test)]
mod tests;
mod verdict;

pub use plan::{Context, plan};
pub use policy::{Policy, PolicyError};
pub use verdict::{
    Candidate, Hold, IgnoreReason, Ignored, KeepReason, Kept, Removal, RemoveReason, RetentionPlan, Standing,
};
