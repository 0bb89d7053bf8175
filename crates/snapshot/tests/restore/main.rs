//! Restoring: against what etcdutl made of the same snapshots, and against everything that can go wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

#[path = "../shared/fixture.rs"]
mod fixture;
mod fixtures;
mod hostile;
mod kills;
mod left_out;
#[path = "../shared/mutate.rs"]
mod mutate;
mod places;
mod races;
mod read_back;
mod refusals;
mod revisions;
mod support;
