//! The walk over a file against the reader in memory, on sound, damaged and hostile databases.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "helpers of tests, which fail by panicking and build small numbers"
)]

mod agree;
#[path = "../shared/any_byte.rs"]
mod any_byte;
mod damage;
mod files;
mod hostile;
#[path = "../shared/memory_reader.rs"]
mod memory_reader;
#[path = "../scan/shapes.rs"]
mod shapes;
mod support;
