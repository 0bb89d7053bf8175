//! What is not the snapshot it should be, or not one at all, changes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use etcd_backup_snapshot::HashKv;
use etcd_backup_snapshot::restore::{Control, Request, Source, restore};
use sha2::{Digest, Sha256};

use crate::support::{Scratch, fixture, restore_file, restore_with};

/// Restores from a file and from a reader; both have to be refused for one of these reasons, and to leave nothing.
fn refused(snapshot: &[u8], reasons: &[&str], change: impl Fn(&mut Request)) {
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    change(&mut request);
    let from_file = restore_file(snapshot, &request).unwrap_err();
    let reader = Source::Reader(Box::new(snapshot));
    let from_reader = restore(reader, &request, Control::default()).unwrap_err();
    for error in [from_file, from_reader] {
        assert!(reasons.contains(&error.reason()), "{}: {error}", error.reason());
    }
    assert!(scratch.names().is_empty(), "{:?}", scratch.names());
}

#[test]
fn what_is_cut_short_is_refused() {
    let snapshot = fixture("3.6.14").snapshot;
    for length in [
        0,
        1,
        4096,
        50_000,
        snapshot.len() - 33,
        snapshot.len() - 32,
        snapshot.len() - 1,
    ] {
        refused(&snapshot[..length], &["Truncated"], |_| {});
    }
    refused(&[&snapshot[..], b"x"].concat(), &["TrailingBytes"], |_| {});
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let snapshot = fixture("3.6.14").snapshot;
    for at in (4096 * 2..snapshot.len())
        .step_by(99_991)
        .chain([snapshot.len() - 1])
    {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1;
        refused(
            &damaged,
            &["TrailerMismatch", "CorruptStructure", "CorruptRecord"],
            |_| {},
        );
    }
}

#[test]
fn what_is_no_snapshot_is_refused() {
    refused(&vec![7; 100_000], &["NotAnEtcdSnapshot"], |_| {});
    let empty = etcd_backup_bolt::forge::Forge::default().database(&[]).bytes;
    let sealed = [&empty, Sha256::digest(&empty).as_slice()].concat();
    refused(&sealed, &["NotAnEtcdSnapshot"], |_| {});
}

#[test]
fn what_is_packed_is_refused_as_such() {
    for (head, reason) in [
        (&b"\x28\xb5\x2f\xfd\x04"[..], "Compressed"),
        (b"age-encryption.org/v1\n", "Encrypted"),
    ] {
        for length in [100, 100_000] {
            refused(&[head, &vec![7; length]].concat(), &[reason], |_| {});
        }
    }
}

#[test]
fn another_snapshot_than_the_manifest_names_is_refused() {
    let fixture = fixture("3.6.14");
    let reason = &["NotTheExpectedSnapshot"];
    refused(&fixture.snapshot, reason, |request| {
        request.expected.sha256 = Some([1; 32]);
    });
    refused(&fixture.snapshot, reason, |request| {
        request.expected.size = Some(1);
    });
    let hash = HashKv {
        hash: fixture.live_hash(154),
        revision: 154,
        compact_revision: 60,
    };
    let other = HashKv { hash: 1, ..hash };
    refused(&fixture.snapshot, reason, |request| {
        request.expected.hash_kv = Some(other);
    });

    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.expected.size = Some(fixture.snapshot.len() as u64);
    request.expected.sha256 = Some(Sha256::digest(&fixture.snapshot).into());
    request.expected.hash_kv = Some(hash);
    // Also when going back, where the hash is of more than is kept.
    request.revision = Some(100);
    restore_file(&fixture.snapshot, &request).unwrap();
}

#[test]
fn a_stream_longer_than_expected_is_not_read_to_its_end() {
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.expected.size = Some(1_000_000);
    let endless = Source::Reader(Box::new(std::io::repeat(7)));
    let error = restore(endless, &request, Control::default()).unwrap_err();
    assert_eq!(error.reason(), "NotTheExpectedSnapshot");
    assert!(scratch.names().is_empty());
}

#[test]
fn a_file_from_a_data_directory_needs_the_check_to_be_skipped() {
    let snapshot = fixture("3.6.14").snapshot;
    // Longer than its database, as etcd's own files are.
    let database = [&snapshot[..snapshot.len() - 32], &[0; 8192]].concat();
    refused(&database, &["TrailingBytes"], |_| {});
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.skip_hash_check = true;
    restore_file(&database, &request).unwrap();
}

#[test]
fn a_restore_that_is_cancelled_leaves_nothing() {
    let snapshot = fixture("3.6.14").snapshot;
    for looks in 0..2 {
        let scratch = Scratch::new();
        let mut request = scratch.request(3);
        request.targets = (0..3).map(|member| scratch.target(member)).collect();
        let asked = AtomicUsize::new(0);
        let cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= looks;
        let control = Control {
            cancelled: Some(&cancelled),
            ..Control::default()
        };
        let error = restore_with(&snapshot, &request, control).unwrap_err();
        assert_eq!(error.reason(), "Cancelled");
        assert!(scratch.names().is_empty());
    }
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_written() {
    let scratch = Scratch::new();
    let mut request = scratch.request(1);
    request.expected.size = Some(1 << 60);
    let reader = Source::Reader(Box::new(std::io::empty()));
    let error = restore(reader, &request, Control::default()).unwrap_err();
    assert_eq!(error.reason(), "NotEnoughSpace", "{error}");
    assert!(scratch.names().is_empty());
}
