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
//! 4. A degraded backup, which was taken without a quorum, displaces no other: one that is not degraded stays as long as it would
//!    among its like.
//!
//! # When nothing is removed
//!
//! A plan can [`hold`](RetentionPlan::hold): the clock is behind the newest backup, the newest backup was taken while etcd had
//! the alarm CORRUPT, it is drastically smaller than the one before it, or its revision went back. Then `remove` is empty and
//! `held` says what would have gone.
//! The last two end by themselves as soon as a second backup confirms the first.
//!
//! A clock that leapt ahead cannot be told from an outage. So a gap of more than two and a half intervals of the schedule is
//! not believed at once: what would stay, were the gap no longer than that, is `held`, and only the rest goes. A gap is
//! confirmed by three more backups after the first one behind it, that span two intervals and a day. (Behind a gap, a policy
//! may itself have left backups further apart than the schedule took them; there, two of its own periods are believed.)
//!
//! # Promises (each is a property test)
//!
//! The same candidates in any order give the same verdicts; what is kept stays kept when the plan is made again;
//! a stricter policy keeps a subset; and a plan that removes anything keeps at least the newest verified backup.

mod leap;
mod period;
mod plan;
mod policy;
#[cfg(test)]
mod tests;
mod verdict;
mod words;

pub use plan::{Context, plan};
pub use policy::{Policy, PolicyError};
pub use verdict::{
    Candidate, Hold, IgnoreReason, Ignored, KeepReason, Kept, Removal, RemoveReason, RetentionPlan, Standing,
};
