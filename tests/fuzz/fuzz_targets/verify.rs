//! A snapshot with any changes and a right SHA-256: an answer or an error, soon.
#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code)] // the others are of other targets
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::verify::run(data));
