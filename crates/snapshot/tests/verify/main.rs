//! The verifier against real snapshots, against a slow reader that is obviously right, and against damage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

mod damage;
#[path = "../shared/fixture.rs"]
mod fixture;
mod fixtures;
mod forged;
mod histories;
#[path = "../shared/mutate.rs"]
mod mutate;
mod oracle;
mod support;
