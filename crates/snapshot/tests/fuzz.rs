//! The fuzz targets of `tests/fuzz`, run with bytes from a seed: so they are compiled and do what they claim, and what they find in
//! a few thousand tries is found by every run.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "helpers of tests, which fail by panicking"
)]

#[path = "../../../tests/fuzz/bodies/mod.rs"]
mod bodies;

use etcd_backup_bolt::forge::Random;

/// Runs a target with that many inputs: a shape of the database, and none to twelve changes of it.
fn tried(times: u64, target: fn(&[u8])) {
    for seed in 0..times {
        let mut random = Random::new(seed);
        let changes = random.below(13);
        target(&random.bytes(3 + 4 * changes));
    }
}

#[test]
fn both_readers_agree_on_databases_that_a_seed_changed() {
    tried(4_000, bodies::scan::run);
}

#[test]
fn snapshots_that_a_seed_changed_are_answered_or_refused() {
    tried(4_000, bodies::verify::run);
}

#[test]
fn a_walk_agrees_with_the_reader_on_databases_that_a_seed_changed() {
    tried(4_000, bodies::walk::run);
}

#[test]
fn snapshots_that_a_seed_changed_are_restored_or_leave_nothing() {
    tried(400, bodies::restore::run);
}
