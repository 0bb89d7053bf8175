//! Looking into snapshots: real ones, any history against a plain model, Kubernetes' values, and hostile files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which fail by panicking"
)]

mod differences;
#[path = "../shared/fixture.rs"]
mod fixture;
mod fixtures;
mod hostile;
mod kubernetes;
mod model;
mod passes;
mod store;
mod usage;
