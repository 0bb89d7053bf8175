//! Snapshots of real servers: as many keys as etcdutl counts, and the keys that the live member hashed.

use std::collections::BTreeSet;

use etcd_backup_bolt::Limits as Structure;
use etcd_backup_bolt::walk::Bolt;
use etcd_backup_snapshot::Revision;
use etcd_backup_snapshot::inspect::{DiffOptions, Limits, Selection, Snapshot, UsageOptions, diff};

use crate::fixture::{Fixture, LIVE, STATUS, all};

fn snapshot(fixture: &Fixture, window: u64) -> Snapshot<&[u8]> {
    let limits = Limits {
        window,
        ..Limits::default()
    };
    Snapshot::from_source(fixture.snapshot.as_slice(), limits).unwrap()
}

#[test]
fn the_header_is_what_etcdutl_says() {
    for fixture in all() {
        let header = snapshot(&fixture, 1 << 20).header().clone();
        let status = &fixture.json(STATUS)["3.6.14"];
        assert_eq!(
            header.revision,
            status["revision"].as_i64().unwrap(),
            "{}",
            fixture.version
        );
        assert_eq!(header.database_bytes, status["totalSize"].as_u64().unwrap());
        assert_eq!(header.file_bytes, header.database_bytes + 32);
        assert_eq!(
            header.storage_version.unwrap_or_default(),
            status["version"].as_str().unwrap()
        );
        assert_eq!(header.compact_revision, 60);
        let minor = fixture.version.split('.').nth(1).unwrap();
        assert_eq!(header.cluster_version.unwrap(), format!("3.{minor}.0"));
    }
}

#[test]
fn both_generations_of_etcdutl_count_as_many() {
    for fixture in all() {
        let status = fixture.json(STATUS);
        for window in [2000, 64 << 20] {
            let counts = snapshot(&fixture, window).counts().unwrap();
            assert_eq!(counts.keys, status["3.6.14"]["totalKey"].as_u64().unwrap());
            let entries: u64 = counts.buckets.iter().map(|bucket| bucket.entries).sum();
            assert_eq!(entries, status["3.5.30"]["totalKey"].as_u64().unwrap());
            let used: u64 = counts.buckets.iter().map(|bucket| bucket.page_bytes).sum();
            assert_eq!(
                counts.free_bytes + used + 3 * 4096,
                snapshot(&fixture, 1).header().database_bytes
            );
        }
    }
}

/// `HashKV` at a revision (`mvcc/hash.go`): every record up to it, but of those that were compacted only the ones that the
/// listing of the keys at that revision has, and no deletion at the compaction itself.
fn hash_kv(fixture: &Fixture, revision: i64, compacted: i64) -> u32 {
    let selection = Selection {
        revision: Some(revision),
        ..Selection::default()
    };
    let keep: BTreeSet<(i64, Vec<u8>)> = snapshot(fixture, 3000)
        .keys(&selection)
        .unwrap()
        .map(|info| info.unwrap())
        .map(|info| (info.mod_revision, info.key.0))
        .collect();
    let bolt = Bolt::open(fixture.snapshot.as_slice(), Structure::default()).unwrap();
    let mut walk = bolt.bucket(b"key").unwrap().unwrap().walk();
    let mut hashed = b"key".to_vec();
    while let Some((id, value)) = walk.next().unwrap() {
        let (Revision { main, .. }, deletion) = Revision::of_record(id).unwrap();
        let kept = keep.contains(&(main, user_key(value)));
        if main > revision || (main <= compacted && !kept) || (main == compacted && deletion) {
            continue;
        }
        hashed.extend_from_slice(id);
        hashed.extend_from_slice(value);
    }
    crc_fast::crc32_iscsi(&hashed)
}

/// Field 1 of a `mvccpb.KeyValue`, which etcd writes first; shorter than 128 bytes here.
fn user_key(value: &[u8]) -> Vec<u8> {
    assert!(value[0] == 10 && value[1] < 128);
    value[2..2 + usize::from(value[1])].to_vec()
}

#[test]
fn the_keys_at_a_revision_are_those_that_the_live_member_hashed() {
    for fixture in all() {
        let expect = fixture.json(LIVE);
        let newest = expect["snapshot_revision"].as_i64().unwrap();
        for revision in [100, newest] {
            let live = &expect["hashkv"][revision.to_string()];
            let compacted = live["compact_revision"].as_i64().unwrap();
            let hash = u64::from(hash_kv(&fixture, revision, compacted));
            assert_eq!(
                Some(hash),
                live["hash"].as_u64(),
                "{} at {revision}",
                fixture.version
            );
        }
    }
}

#[test]
fn usage_and_differences_agree_with_the_listing() {
    for fixture in all() {
        let snapshot = snapshot(&fixture, 64 << 20);
        let listed = |revision| {
            let selection = Selection {
                revision,
                ..Selection::default()
            };
            snapshot.keys(&selection).unwrap().count() as u64
        };
        let usage = snapshot.usage(&UsageOptions::default()).unwrap();
        assert_eq!(usage.total.keys, listed(None));
        assert!(
            usage.resources.iter().any(|group| group.name == "/registry/pods"),
            "{usage:?}"
        );
        let options = DiffOptions {
            before: Some(60),
            ..DiffOptions::default()
        };
        let mut differences = diff(&snapshot, &snapshot, &options).unwrap();
        assert!(differences.by_ref().all(|difference| difference.is_ok()));
        let summary = differences.summary();
        let added = listed(Some(60)) + summary.total.added - summary.total.removed;
        assert_eq!(added, listed(None));
        assert!(summary.total.changed > 0 && summary.diverged == 0);
    }
}
