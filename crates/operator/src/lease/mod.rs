//! Leader election by a `coordination.k8s.io/v1` Lease, with a fence.
//!
//! Rules:
//! - A holder is judged dead by *observed* silence on our own monotonic clock, never by its `renewTime`.
//! - Every write carries the resourceVersion it is based on; of two writers one is refused.
//! - The holder stops believing in its lease ([`LeaseSettings::renew_deadline`]) well before others may take it
//!   ([`LeaseSettings::duration`]). The difference is the margin for work already under way and for requests on
//!   the wire.
//! - A released Lease is taken at once, a deleted one is created again.
//!
//! What it cannot promise: the monotonic clock of Linux stands still while a whole machine is suspended, so a
//! write may be late by that time. Create-only keys in the store make such a late write harmless.

mod claim;
mod elector;
mod observation;
mod record;
mod settings;
#[cfg(test)]
mod tests;
mod trouble;

pub use claim::{Leadership, NotLeader, Tenure};
pub use elector::Elector;
pub use settings::{LeaseSettings, identity};
