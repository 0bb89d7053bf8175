//! Drills: the newest snapshot of a plan is restored by a Job that throws the result away.
//!
//! ```text
//! plan: decide ─► status.drill.running ─► [Drills] Job, looked at now and then ─► wakes the plan ─► decide ─► status.drill.last
//! ```
//!
//! They are part of the plan's reconcile, which writes the plan's status. That never waits for them: the API server is asked
//! about Jobs beside it, and what it answers or refuses concerns the drill alone. What runs is in the status before there is
//! a Job, so another process finds it there, and a Job that vanished is made again.

pub mod decide;
mod errand;
mod job;
mod work;

pub use errand::{Drills, Seen};
