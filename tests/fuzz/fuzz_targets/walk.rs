//! A database with any changes: a walk through its file agrees with the reader in memory on whether it is sound and on what it
//! holds, and looking things up in it ends.
#![no_main]

#[path = "../bodies/mod.rs"]
#[allow(dead_code)] // the others are of other targets
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::walk::run(data));
