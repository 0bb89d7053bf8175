//! Damage: every byte, every length, and mutations whose SHA-256 is right.

use std::time::{Duration, Instant};

use etcd_backup_bolt::forge::Random;
use etcd_backup_snapshot::{VerifyError, verify_reader};

use crate::fixture;
use crate::histories::small_snapshot;
use crate::mutate::mutate;
use crate::support::{database_of, seal, verify, verify_in};

#[test]
fn a_snapshot_cut_short_anywhere_is_refused() {
    let snapshot = small_snapshot();
    assert!(verify(&snapshot).is_ok());
    for length in 0..snapshot.len() {
        let error = verify(&snapshot[..length]).unwrap_err();
        assert_eq!(error.reason(), "Truncated", "cut at {length}: {error}");
    }
}

#[test]
fn what_is_missing_is_counted() {
    let snapshot = small_snapshot();
    let message = |length: usize| verify(&snapshot[..length]).unwrap_err().to_string();
    let (size, whole) = (snapshot.len(), database_of(&snapshot).len());
    assert_eq!(
        message(size - 32 - 4096),
        format!(
            "truncated: 4096 bytes are missing, {} of {whole} were read",
            whole - 4096
        )
    );
    assert_eq!(
        message(size - 5),
        "truncated: 5 of the 32 bytes of the SHA-256 behind the database are missing"
    );
    assert_eq!(
        message(size - 32),
        "truncated: 32 of the 32 bytes of the SHA-256 behind the database are missing"
    );
}

#[test]
fn every_flipped_bit_is_refused() {
    let snapshot = small_snapshot();
    for at in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(verify(&damaged).is_err(), "byte {at}");
    }
}

#[test]
fn bytes_behind_the_snapshot_are_refused() {
    let mut snapshot = small_snapshot();
    let end = snapshot.len() as u64;
    snapshot.push(0);
    for piece in [1, 7, snapshot.len()] {
        let error = verify_in(&snapshot, piece).unwrap_err();
        assert!(
            matches!(error, VerifyError::TrailingBytes { end: at } if at == end),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_snapshot_at_all_is_refused() {
    for (bytes, reason) in [
        (vec![], "Truncated"),
        (vec![0; 10], "Truncated"),
        (vec![0; 300_000], "NotAnEtcdSnapshot"),
        (b"<!DOCTYPE html>".repeat(20_000), "NotAnEtcdSnapshot"),
    ] {
        assert_eq!(verify(&bytes).unwrap_err().reason(), reason);
    }
}

#[test]
fn a_packed_snapshot_is_named_with_what_to_do() {
    for (head, reason, words) in [
        (&b"\x28\xb5\x2f\xfd\x04"[..], "Compressed", "zstd -d"),
        (b"age-encryption.org/v1\n", "Encrypted", "age -d -i KEY"),
    ] {
        for length in [100, 300_000] {
            let file = [head, &vec![7; length]].concat();
            let mut bytewise = etcd_backup_snapshot::Verifier::new();
            let pushed = file.chunks(1).try_for_each(|byte| bytewise.push(byte));
            let bytewise = pushed.and_then(|()| bytewise.finish()).unwrap_err();
            for error in [verify(&file).unwrap_err(), bytewise] {
                assert_eq!(error.reason(), reason, "{error}");
                assert!(error.to_string().contains(words), "{error}");
            }
        }
    }
}

#[test]
fn a_failing_reader_is_told_from_a_bad_snapshot() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let error = verify_reader(Broken).unwrap_err();
    assert_eq!(
        (error.reason(), error.to_string().as_str()),
        ("ReadFailed", "cannot read the snapshot: the disk is on fire")
    );
}

#[test]
fn a_verifier_that_failed_stays_failed() {
    let mut verifier = etcd_backup_snapshot::Verifier::new();
    assert!(verifier.push(&vec![1; 300_000]).is_err());
    assert!(matches!(verifier.push(&[1]), Err(VerifyError::Ended)));
    assert!(matches!(verifier.finish(), Err(VerifyError::Ended)));
}

/// Mutations of real snapshots, sealed again: any answer will do, as long as there is one, soon.
#[test]
fn mutated_snapshots_with_a_right_sha_neither_panic_nor_hang() {
    let mut random = Random::new(20_260_101);
    let started = Instant::now();
    let (mut sound, mut refused) = (0, 0);
    for fixture in fixture::all() {
        let whole = database_of(&fixture.snapshot);
        for _ in 0..60 {
            let mut database = whole.to_vec();
            mutate(&mut database, &mut random);
            match verify_in(&seal(&database), 1 + random.below(100_000)) {
                Ok(_) => sound += 1,
                Err(VerifyError::TrailerMismatch { .. }) => panic!("sealed again"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(sound > 50 && refused > 50, "{sound} sound, {refused} refused");
    assert!(started.elapsed() < Duration::from_mins(2));
}
