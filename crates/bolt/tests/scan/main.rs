//! The scanner against the reader in memory, on sound, damaged and hostile databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

mod agree;
#[path = "../shared/any_byte.rs"]
mod any_byte;
mod damage;
mod hostile;
mod memory;
#[path = "../shared/memory_reader.rs"]
mod memory_reader;
mod shapes;
mod support;
