//! Snapshots with a right SHA-256 over something wrong.

use etcd_backup_bolt::forge::{Forge, Pair};
use etcd_backup_snapshot::{Report, VerifyError};

use crate::support::{seal, verify};

fn record(main: i64) -> Pair {
    let id = [&main.to_be_bytes()[..], b"_", &[0; 8]].concat();
    (id, vec![10, 1, b'k', 16, 1, 24, 1, 32, 1, 42, 1, b'v'])
}

fn text(key: &str, value: &[u8]) -> Pair {
    (key.as_bytes().to_vec(), value.to_vec())
}

fn snapshot(records: Vec<Pair>, meta: Vec<Pair>, cluster: Vec<Pair>) -> Result<Report, VerifyError> {
    let forged = Forge::default().database(&[(b"cluster", cluster), (b"key", records), (b"meta", meta)]);
    verify(&seal(&forged.bytes))
}

#[test]
fn the_base_is_sound() {
    let report = snapshot(vec![record(2), record(3)], vec![], vec![]).unwrap();
    assert_eq!(
        (report.status.revision, report.raft_index, report.raft_term),
        (3, 0, 0)
    );
    assert_eq!(
        (report.status.storage_version, report.cluster_version),
        (None, None)
    );
}

#[test]
fn a_database_without_etcds_buckets_is_not_a_snapshot() {
    for buckets in [vec![], vec![(&b"key"[..], vec![])], vec![(&b"meta"[..], vec![])]] {
        let error = verify(&seal(&Forge::default().database(&buckets).bytes)).unwrap_err();
        assert_eq!(error.reason(), "NotAnEtcdSnapshot", "{error}");
    }
}

#[test]
fn records_that_etcd_could_not_read_are_refused() {
    let (id, value) = record(3);
    let negative = [&(-1_i64).to_be_bytes()[..], b"_", &[0; 8]].concat();
    let wrong = [
        (b"short".to_vec(), value.clone()),
        ([&id[..8], b"-", &id[9..]].concat(), value.clone()),
        ([&id[..], b"tt"].concat(), value.clone()),
        (negative, value.clone()),
        (id.clone(), value[..4].to_vec()),
        (id.clone(), vec![0xff; 40]),
        (id, vec![8, 1]),
    ];
    for pair in wrong {
        let mut records = vec![record(2), pair];
        records.sort();
        let error = snapshot(records.clone(), vec![], vec![]).unwrap_err();
        assert_eq!(error.reason(), "CorruptRecord", "{records:?}: {error}");
    }
}

#[test]
fn malformed_settings_are_refused_and_odd_texts_left_out() {
    for key in [
        "consistent_index",
        "finishedCompactRev",
        "scheduledCompactRev",
        "term",
    ] {
        let error = snapshot(vec![], vec![text(key, b"odd")], vec![]).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{key}` of bucket `meta` has a malformed value")
        );
    }
    let meta = vec![text("storageVersion", b"three")];
    let cluster = vec![text("clusterVersion", &[0xff; 9]), text("downgrade", b"{")];
    let report = snapshot(vec![], meta, cluster).unwrap();
    assert_eq!(
        (
            report.status.storage_version,
            report.cluster_version,
            report.downgrade_target
        ),
        (None, None, None)
    );
    let huge = vec![text("storageVersion", &vec![b'1'; 100_000])];
    assert_eq!(
        snapshot(vec![], huge, vec![]).unwrap().status.storage_version,
        None
    );
}

#[test]
fn a_downgrade_is_reported() {
    let downgrade = text("downgrade", br#"{"target-version":"3.5.0","enabled":true}"#);
    let report = snapshot(vec![], vec![], vec![downgrade]).unwrap();
    assert_eq!(report.downgrade_target.as_deref(), Some("3.5.0"));
}

#[test]
fn lookalikes_in_other_buckets_are_nothing_special() {
    let lookalikes = vec![record(5), text("term", b"no number")];
    let forged = Forge::default().database(&[
        (
            b"authRoles",
            vec![text("consistent_index", b"odd"), text("key", b"")],
        ),
        (b"key", vec![record(2)]),
        (b"meta", vec![]),
        (b"other", lookalikes),
    ]);
    let report = verify(&seal(&forged.bytes)).unwrap();
    assert_eq!(
        (
            report.status.revision,
            report.status.total_keys,
            report.status.total_items
        ),
        (2, 1, 5)
    );
}
