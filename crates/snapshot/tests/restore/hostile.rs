//! Snapshots that somebody changed on purpose, with a right SHA-256: refused without a trace, or sound.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use etcd_backup_bolt::forge::{Forge, Random};
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

/// The flag of a page with a list of free pages (`common.FreelistPageFlag`).
const FREELIST: u8 = 0x10;

#[test]
fn a_page_that_is_neither_in_use_nor_free_is_refused_without_a_trace() {
    let forge = Forge {
        stale: 3,
        freelist: true,
        ..Forge::default()
    };
    let mut database = forge
        .database(&[(b"key", Vec::new()), (b"meta", Vec::new())])
        .bytes;
    let sealed = |database: &[u8]| [database, Sha256::digest(database).as_slice()].concat();
    let scratch = Scratch::new();
    restore_file(&sealed(&database), &scratch.request(1)).unwrap();

    let starts = (0..database.len()).step_by(forge.page_size);
    let lists: Vec<_> = starts
        .filter(|start| database[start + 8..start + 10] == [FREELIST, 0])
        .collect();
    assert_eq!(lists.len(), 1);
    // One page fewer on the list.
    database[lists[0] + 10] -= 1;
    let scratch = Scratch::new();
    let error = restore_file(&sealed(&database), &scratch.request(1)).unwrap_err();
    assert_eq!(error.reason(), "CorruptStructure", "{error}");
    assert!(scratch.names().is_empty());
}
