//! Snapshots of real servers: the same answers as etcdutl and the live member gave.

use etcd_backup_snapshot::{HashKv, StatusJson, VerifyError, verify_reader};
use sha2::{Digest, Sha256};

use crate::fixture::{Fixture, LIVE, STATUS, all};
use crate::oracle;
use crate::support::{database_of, seal, verify, verify_in};

#[test]
fn status_is_what_both_generations_of_etcdutl_say() {
    for fixture in all() {
        let (name, snapshot, status) = (&fixture.version, &fixture.snapshot, fixture.json(STATUS));
        let report = verify(snapshot).unwrap();
        let ours = serde_json::to_value(StatusJson::from(&report.status)).unwrap();
        assert_eq!(ours, status["3.6.14"], "{name}");
        assert_eq!(
            report.status.total_items,
            status["3.5.30"]["totalKey"].as_u64().unwrap(),
            "{name}"
        );
        assert_eq!(report.size, snapshot.len() as u64);
        assert_eq!(report.sha256.as_slice(), Sha256::digest(snapshot).as_slice());
        assert_eq!(report.page_size, 4096);
    }
}

#[test]
fn the_json_has_etcdutls_names_in_its_order() {
    let snapshot = all()
        .into_iter()
        .find(|fixture| fixture.version == "3.6.14")
        .unwrap()
        .snapshot;
    let report = verify(&snapshot).unwrap();
    assert_eq!(
        serde_json::to_string(&StatusJson::from(&report.status)).unwrap(),
        r#"{"hash":635300773,"revision":154,"totalKey":113,"totalSize":2560000,"version":"3.6.0"}"#
    );
}

#[test]
fn hash_kv_is_what_the_live_member_said() {
    for fixture in all() {
        let (name, expect) = (&fixture.version, fixture.json(LIVE));
        let report = verify(&fixture.snapshot).unwrap();
        let revision = expect["snapshot_revision"].as_i64().unwrap();
        let live = &expect["hashkv"][revision.to_string()];
        let expected = HashKv {
            hash: u32::try_from(live["hash"].as_u64().unwrap()).unwrap(),
            revision,
            compact_revision: live["compact_revision"].as_i64().unwrap(),
        };
        assert_eq!(report.hash_kv, Some(expected), "{name}");
        assert_eq!(report.compact_revision, 60, "{name}");
    }
}

#[test]
fn what_a_manifest_needs_is_there() {
    for Fixture {
        version: name,
        snapshot,
        ..
    } in all()
    {
        let report = verify(&snapshot).unwrap();
        let minor = name.split('.').nth(1).unwrap();
        assert_eq!(
            report.cluster_version.as_deref(),
            Some(format!("3.{minor}.0").as_str()),
            "{name}"
        );
        assert_eq!(report.downgrade_target, None, "{name}");
        assert!(report.raft_index > 154, "{name}: {}", report.raft_index);
        assert_eq!(report.raft_term > 0, name != "3.4.23", "{name}");
    }
}

#[test]
fn the_slow_reader_says_the_same_of_them() {
    for Fixture {
        version: name,
        snapshot,
        ..
    } in all()
    {
        let report = verify(&snapshot).unwrap();
        assert_eq!(oracle::report(&snapshot), report, "{name}");
    }
}

#[test]
fn the_size_of_the_pieces_does_not_matter() {
    for Fixture {
        version: name,
        snapshot,
        ..
    } in all()
    {
        let report = verify(&snapshot).unwrap();
        for piece in [1000, 4096, 4097, 32 << 10, 1 << 20] {
            assert_eq!(
                verify_in(&snapshot, piece).unwrap(),
                report,
                "{name} in pieces of {piece}"
            );
        }
        assert_eq!(
            verify_reader(snapshot.as_slice()).unwrap(),
            report,
            "{name} from a reader"
        );
    }
}

#[test]
fn a_fixture_cut_short_is_refused() {
    for Fixture {
        version: name,
        snapshot,
        ..
    } in all()
    {
        let near_the_end = snapshot.len() - 40..snapshot.len();
        for length in (0..snapshot.len()).step_by(49_999).chain(near_the_end) {
            let error = verify(&snapshot[..length]).unwrap_err();
            assert_eq!(error.reason(), "Truncated", "{name} cut at {length}: {error}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let snapshot = all().swap_remove(0).snapshot;
    for at in (0..snapshot.len())
        .step_by(9973)
        .chain(snapshot.len() - 32..snapshot.len())
    {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(verify(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn a_flipped_bit_in_use_changes_what_is_said_even_if_the_sha_is_right() {
    let snapshot = all().swap_remove(0).snapshot;
    let before = verify(&snapshot).unwrap();
    let (mut refused, mut changed, mut unused) = (0, 0, 0);
    for at in (0..database_of(&snapshot).len()).step_by(4999) {
        let mut database = database_of(&snapshot).to_vec();
        database[at] ^= 1 << (at % 8);
        match verify(&seal(&database)) {
            Err(VerifyError::TrailerMismatch { .. }) => panic!("sealed again"),
            Err(_) => refused += 1,
            Ok(report) if report.status != before.status => changed += 1,
            Ok(_) => unused += 1,
        }
    }
    assert!(changed > 100, "{refused} {changed} {unused}");
}
