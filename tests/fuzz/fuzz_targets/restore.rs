//! A snapshot with any changes and a right SHA-256: restored if it is sound, and else refused with nothing left.
#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code)] // the others are of other targets
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::restore::run(data));
