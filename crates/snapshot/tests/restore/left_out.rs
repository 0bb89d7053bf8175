//! What belongs to the old cluster stays behind.

use etcd_backup_bolt::forge::{Forge, Pair};
use etcd_backup_snapshot::restore::{Alarms, EtcdVersion, LeftOut, Warning};
use sha2::{Digest, Sha256};

use crate::support::{Scratch, buckets, fixture, restore_file};

fn pair(key: &[u8], value: &[u8]) -> Pair {
    (key.to_vec(), value.to_vec())
}

/// A snapshot of a cluster in trouble: alarms NOSPACE and CORRUPT, a downgrade, old members.
fn troubled() -> Vec<u8> {
    let database = Forge::default()
        .database(&[
            (
                b"alarm",
                vec![pair(&[8, 1, 16, 1], b""), pair(&[8, 2, 16, 2], b"")],
            ),
            (
                b"cluster",
                vec![
                    pair(b"clusterVersion", b"3.6.0"),
                    pair(b"downgrade", br#"{"target-version":"3.5.0","enabled":true}"#),
                ],
            ),
            (b"key", Vec::new()),
            (b"members", vec![pair(b"1", b"{}"), pair(b"2", b"{}")]),
            (b"members_removed", vec![pair(b"3", b"removed")]),
            (b"meta", vec![pair(b"confState", b"{}"), pair(b"odd", b"kept")]),
            (b"zoo", vec![pair(b"unknown", b"kept")]),
        ])
        .bytes;
    [&database, Sha256::digest(&database).as_slice()].concat()
}

#[test]
fn everything_left_out_is_told_and_everything_else_is_kept() {
    let scratch = Scratch::new();
    let restored = restore_file(&troubled(), &scratch.request(1)).unwrap();
    assert_eq!(
        restored.left_out,
        [
            LeftOut::NoSpaceAlarms { count: 1 },
            LeftOut::Downgrade {
                target: "3.5.0".to_owned()
            },
            LeftOut::Members { count: 3 },
            LeftOut::ConfState,
        ]
    );
    assert!(restored.warnings.contains(&Warning::CorruptAlarm));
    assert!(restored.warnings.contains(&Warning::RevisionsReused));
    let buckets = buckets(&scratch.database(0));
    assert_eq!(buckets["alarm"].keys().collect::<Vec<_>>(), [&[8, 2, 16, 2]]);
    assert_eq!(buckets["cluster"].keys().collect::<Vec<_>>(), [b"clusterVersion"]);
    assert_eq!(buckets["members"].len(), 1);
    assert!(buckets["members_removed"].is_empty());
    assert_eq!(buckets["meta"].len(), 3);
    assert_eq!(buckets["meta"][b"odd".as_slice()], b"kept");
    assert_eq!(buckets["zoo"][b"unknown".as_slice()], b"kept");
}

#[test]
fn alarms_are_kept_or_dropped_as_asked() {
    for (alarms, kept) in [(Alarms::Keep, 2), (Alarms::DropNoSpace, 1), (Alarms::Drop, 0)] {
        let scratch = Scratch::new();
        let mut request = scratch.request(1);
        request.alarms = alarms;
        restore_file(&troubled(), &request).unwrap();
        assert_eq!(buckets(&scratch.database(0))["alarm"].len(), kept, "{alarms:?}");
    }
}

#[test]
fn data_newer_than_the_target_is_refused() {
    let fixture = fixture("3.7.1");
    for (minor, allowed) in [(6, false), (7, true), (8, true)] {
        let scratch = Scratch::new();
        let mut request = scratch.request(1);
        request.target_version = Some(EtcdVersion { major: 3, minor });
        let outcome = restore_file(&fixture.snapshot, &request);
        assert_eq!(outcome.is_ok(), allowed, "{minor}");
        if let Err(error) = outcome {
            assert_eq!(error.reason(), "NewerThanTarget");
            assert!(scratch.names().is_empty());
        }
    }
}

#[test]
fn without_a_token_every_restore_makes_another_cluster() {
    let fixture = fixture("3.6.14");
    let mut ids = Vec::new();
    for random in [[1; 16], [2; 16]] {
        let scratch = Scratch::new();
        let mut request = scratch.request(1);
        (request.token, request.random) = (None, random);
        let restored = restore_file(&fixture.snapshot, &request).unwrap();
        assert_eq!(restored.token, format!("etcd-restore-{}", hex::encode(random)));
        ids.push((restored.cluster_id, restored.members[0].id));
    }
    assert_ne!(ids[0], ids[1]);
}
