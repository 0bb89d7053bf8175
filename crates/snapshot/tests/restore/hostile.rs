//! Snapshots that somebody changed on purpose, with a right SHA-256: refused without a trace, or sound.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use etcd_backup_bolt::forge::Random;
use etcd_backup_snapshot::restore::{Control, Source, restore};
use etcd_backup_snapshot::verify_reader;
use sha2::{Digest, Sha256};

use crate::fixture;
use crate::mutate::mutate;
use crate::support::{Scratch, buckets, restore_file};

/// So many of each fixture.
const MUTATIONS: usize = 40;

#[test]
fn mutated_snapshots_with_a_right_sha_restore_only_if_they_are_sound_and_else_leave_nothing() {
    let mut random = Random::new(20_261_124);
    let started = Instant::now();
    let (mut restored, mut reasons) = (0, BTreeSet::new());
    for fixture in fixture::all() {
        let whole = &fixture.snapshot[..fixture.snapshot.len() - 32];
        for number in 0..MUTATIONS {
            let mut snapshot = whole.to_vec();
            mutate(&mut snapshot, &mut random);
            let digest = Sha256::digest(&snapshot);
            snapshot.extend_from_slice(&digest);

            let scratch = Scratch::new();
            let mut request = scratch.request(1);
            request.bump_revision = [0, 1_000_000_000][number % 2];
            // Going back is other code: what is kept has to be told from what is not.
            request.revision = (number % 3 == 0).then_some(120);
            let outcome = if number % 5 == 0 {
                restore(
                    Source::Reader(Box::new(&snapshot[..])),
                    &request,
                    Control::default(),
                )
            } else {
                restore_file(&snapshot, &request)
            };
            let what = format!("{}, mutation {number}", fixture.version);
            match outcome {
                Ok(_) => {
                    restored += 1;
                    assert_eq!(scratch.names(), ["m0.etcd"], "{what}");
                    // Read by other code than wrote it.
                    assert!(buckets(&scratch.database(0)).contains_key("key"), "{what}");
                    assert!(
                        verify_reader(&snapshot[..]).is_ok(),
                        "{what}: restored, and the verifier says {:?}",
                        verify_reader(&snapshot[..])
                    );
                }
                Err(error) => {
                    assert!(
                        scratch.names().is_empty(),
                        "{what}: {:?} are left",
                        scratch.names()
                    );
                    assert!(
                        !["Internal", "CheckFailed", "WriteFailed"].contains(&error.reason()),
                        "{what}: {error}"
                    );
                    reasons.insert(error.reason());
                }
            }
        }
    }
    assert!(restored > 20, "{restored} restored");
    assert!(
        reasons.contains("CorruptStructure") && reasons.len() > 3,
        "{reasons:?}"
    );
    assert!(started.elapsed() < Duration::from_mins(2));
}
