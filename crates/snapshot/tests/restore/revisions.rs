//! Going back, and raising revisions.

use std::collections::BTreeMap;

use etcd_backup_bolt::forge::{Forge, Pair};
use etcd_backup_snapshot::restore::{LeftOut, Request, Restored, Warning};
use etcd_backup_snapshot::{Limits, Report, Verifier};
use sha2::{Digest, Sha256};

use crate::fixture::all;
use crate::support::{Scratch, buckets, restore_file};

/// What the verifier, which knows nothing of restoring, says of a database.
fn report(database: &[u8]) -> Report {
    let ample = Limits {
        ample: 1 << 30,
        ..Limits::default()
    };
    let mut verifier = Verifier::with_limits(ample);
    verifier.push(database).unwrap();
    verifier.push(&Sha256::digest(database)).unwrap();
    verifier.finish().unwrap()
}

/// Restores, and holds what was foretold against what the verifier says of the result.
fn restored(scratch: &Scratch, snapshot: &[u8], request: &Request) -> Restored {
    let restored = restore_file(snapshot, request).unwrap();
    let report = report(&scratch.database(0));
    assert_eq!(restored.hash_kv, report.hash_kv);
    assert_eq!(
        restored.revision,
        report
            .status
            .revision
            .max(report.hash_kv.unwrap().compact_revision)
    );
    restored
}

#[test]
fn going_back_gives_the_hash_that_the_live_member_had() {
    for fixture in all() {
        for revision in [100, 154] {
            let scratch = Scratch::new();
            let mut request = scratch.request(1);
            request.revision = Some(revision);
            let restored = restored(&scratch, &fixture.snapshot, &request);
            assert_eq!(restored.revision, revision);
            assert_eq!(
                restored.hash_kv.unwrap().hash,
                fixture.live_hash(revision),
                "{}",
                fixture.version
            );
            let later = restored
                .left_out
                .iter()
                .any(|left| matches!(left, LeftOut::Later { .. }));
            assert_eq!(later, revision < 154);
        }
    }
}

#[test]
fn history_that_is_compacted_or_not_there_yet_is_refused_with_the_window() {
    for fixture in all() {
        let scratch = Scratch::new();
        for (revision, inside) in [(59, false), (60, true), (155, false), (i64::MIN, false)] {
            let mut request = scratch.request(1);
            request.revision = Some(revision);
            request.targets[0].data_dir = scratch.path(&format!("at-{revision}"));
            match restore_file(&fixture.snapshot, &request) {
                Ok(_) => assert!(inside, "{revision}"),
                Err(error) => {
                    assert!(!inside && error.to_string().contains("from 60 to 154"), "{error}");
                    assert_eq!(error.reason(), "RevisionOutOfWindow");
                }
            }
        }
        assert_eq!(scratch.names(), ["at-60"]);
    }
}

#[test]
fn raising_revisions_adds_one_record_and_marks_everything_before_as_compacted() {
    for fixture in all() {
        let (plain, raised) = (Scratch::new(), Scratch::new());
        restore_file(&fixture.snapshot, &plain.request(1)).unwrap();
        let mut request = raised.request(1);
        request.bump_revision = 1_000_000_000;
        let outcome = restored(&raised, &fixture.snapshot, &request);
        assert_eq!(
            (outcome.revision, outcome.bumped_by),
            (1_000_000_154, 1_000_000_000)
        );

        let (mut before, after) = (buckets(&plain.database(0)), buckets(&raised.database(0)));
        let revision = [&1_000_000_154_i64.to_be_bytes()[..], b"_", &[0; 8]].concat();
        before
            .get_mut("key")
            .unwrap()
            .insert(revision.clone(), Vec::new());
        let meta = before.get_mut("meta").unwrap();
        meta.insert(b"scheduledCompactRev".to_vec(), revision);
        assert_eq!(before, after, "{}", fixture.version);
    }
}

#[test]
fn going_back_and_raising_starts_beyond_all_that_was_ever_given_out() {
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    (request.revision, request.bump_revision) = (Some(100), 10);
    let outcome = restored(&scratch, &all()[2].snapshot, &request);
    assert_eq!(outcome.revision, 164);
}

/// A key of bucket `key`, and a `mvccpb.KeyValue` with key, version and lease.
fn put(main: i64, key: &[u8], version: u8, lease: u8) -> Pair {
    let revision = [&main.to_be_bytes()[..], b"_", &[0; 8]].concat();
    let mut value = vec![10, u8::try_from(key.len()).unwrap()];
    value.extend(key);
    value.extend([32, version]);
    if lease > 0 {
        value.extend([48, lease]);
    }
    (revision, value)
}

fn sealed(buckets: &[(&[u8], Vec<Pair>)]) -> Vec<u8> {
    let database = Forge::default().database(buckets).bytes;
    [&database, Sha256::digest(&database).as_slice()].concat()
}

fn lease(id: u8) -> Pair {
    (u64::from(id).to_be_bytes().to_vec(), vec![8, id, 16, 60])
}

#[test]
fn leases_that_ended_are_made_again_for_the_keys_that_need_them() {
    let keys = vec![
        put(2, b"a", 1, 3),
        put(3, b"b", 1, 5),
        put(4, b"c", 1, 7),
        put(5, b"d", 1, 9),
        put(6, b"d", 2, 0), // No longer attached.
        put(7, b"e", 1, 11),
    ];
    // 5 still lives, and so does 20, to which nothing is attached; 11 comes after the revision.
    let snapshot = sealed(&[
        (b"key", keys),
        (b"lease", vec![lease(5), lease(20)]),
        (b"meta", Vec::new()),
    ]);
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.revision = Some(6);
    let outcome = restored(&scratch, &snapshot, &request);
    let expected: BTreeMap<_, _> = [
        (3_u64.to_be_bytes().to_vec(), vec![8, 3, 16, 0x90, 0x1c]),
        lease(5),
        (7_u64.to_be_bytes().to_vec(), vec![8, 7, 16, 0x90, 0x1c]),
        lease(20),
    ]
    .into();
    assert_eq!(buckets(&scratch.database(0))["lease"], expected);
    assert!(
        outcome
            .warnings
            .contains(&Warning::LeasesMade { count: 2, ttl: 3600 })
    );
}

#[test]
fn leases_are_made_even_where_the_snapshot_has_no_bucket_for_them() {
    let keys = vec![put(2, b"a", 1, 3), put(3, b"a", 2, 0)];
    let snapshot = sealed(&[(b"key", keys), (b"meta", Vec::new())]);
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.revision = Some(2);
    restored(&scratch, &snapshot, &request);
    let buckets = buckets(&scratch.database(0));
    assert_eq!(buckets["lease"].len(), 1);
    assert_eq!(
        buckets.keys().collect::<Vec<_>>(),
        ["key", "lease", "members", "members_removed", "meta"]
    );
}
