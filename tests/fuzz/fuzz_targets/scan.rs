//! A database with any changes: both readers agree on whether it is sound and on what it holds.
#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code)] // the others are of other targets
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::scan::run(data));
