//! Objects made by somebody who wants to do harm.

use std::io::Write;

use bytes::Bytes;
use etcd_backup_store::{GetRange, Store};

use super::{super::*, backup, forge, read, replace, zstd_request};
use crate::{
    layout::Form,
    manifest::{Level, Manifest},
    testing::{Faulty, age_pair, fixture, fixtures, request},
    write::WriteRequest,
};

/// A backup whose object, and what its manifest says of the object, was replaced by this.
async fn replaced(stored: Vec<u8>) -> (Faulty, Manifest) {
    let (store, mut manifest) = backup(zstd_request()).await;
    forge(&mut manifest, &stored);
    replace(&store, &manifest, stored.into()).await;
    (store, manifest)
}

async fn damage(stored: Vec<u8>) -> &'static str {
    let (store, manifest) = replaced(stored).await;
    match read(&store.arc(), &manifest, None).await {
        Err(ReadError::Damaged(what)) => what,
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[tokio::test]
async fn a_flipped_byte_of_an_object_is_never_read_as_a_snapshot() {
    for form in [
        Form {
            zstd: false,
            age: false,
        },
        Form {
            zstd: true,
            age: false,
        },
        Form {
            zstd: true,
            age: true,
        },
    ] {
        let (recipients, identities) = age_pair();
        let base = if form.zstd { zstd_request() } else { request() };
        let (store, manifest) = backup(WriteRequest {
            encryption: form.age.then_some(recipients),
            ..base
        })
        .await;
        let key = manifest.location().unwrap().snapshot_key(form);
        let stored = store
            .inner
            .get(&key, GetRange::all())
            .await
            .unwrap()
            .bytes(1 << 30)
            .await
            .unwrap();
        for at in [0, 5, stored.len() / 2, stored.len() - 1] {
            let mut flipped = stored.to_vec();
            flipped[at] ^= 1;
            replace(&store, &manifest, flipped.into()).await;
            // A bit of a frame's header may matter to nobody: then what is read must be what was stored.
            let read = read(&store.arc(), &manifest, Some(&identities)).await;
            assert!(read.is_err() || read.unwrap() == fixture(), "{form:?} at {at}");
            let error = prove(&store.arc(), &manifest, Level::Readback).await.unwrap_err();
            assert!(
                matches!(error, ProofError::Differs(_)) && error.is_damage(),
                "{error}"
            );
        }
        replace(&store, &manifest, stored.slice(..stored.len() - 1)).await;
        assert!(
            read(&store.arc(), &manifest, Some(&identities)).await.is_err(),
            "{form:?} cut"
        );
    }
}

#[tokio::test]
async fn an_older_valid_snapshot_in_its_place_is_not_taken_for_it() {
    let older = fixtures()
        .iter()
        .find(|fixture| fixture.version == "3.5.30")
        .unwrap();
    let (store, manifest) = replaced(compressed(&older.snapshot)).await;
    assert!(matches!(
        read(&store.arc(), &manifest, None).await,
        Err(ReadError::Damaged(_))
    ));
    assert!(
        prove_snapshot(&store.arc(), &manifest, None, |_| Ok(()))
            .await
            .unwrap_err()
            .is_damage()
    );
}

#[tokio::test]
async fn a_bomb_is_stopped_as_soon_as_it_exceeds_its_manifest() {
    let bomb = compressed(&vec![0; 256 << 20]);
    assert!(bomb.len() < 64 << 10, "{}", bomb.len());
    assert_eq!(damage(bomb).await, "it is longer than its manifest says");
}

#[tokio::test]
async fn a_bomb_whose_manifest_agrees_is_stopped_by_its_ratio() {
    let bomb = compressed(&vec![0; 256 << 20]);
    let (store, mut manifest) = replaced(bomb).await;
    manifest.snapshot.size = 1 << 40;
    let error = read(&store.arc(), &manifest, None).await.unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::Damaged("it grows more by decompressing than any database does")
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_window_larger_than_any_of_ours_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(26).unwrap();
    encoder.write_all(&fixture()).unwrap();
    assert_eq!(
        damage(encoder.finish().unwrap()).await,
        "it cannot be decrypted or decompressed"
    );
}

#[tokio::test]
async fn a_second_frame_a_skippable_frame_and_trailing_bytes_are_refused() {
    let frame = compressed(&fixture());
    // RFC 8878, 3.1.2: a skippable frame is a magic number, a length and that many bytes.
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"junk"].concat();
    assert_eq!(
        damage([&frame[..], &frame].concat()).await,
        "something follows the snapshot"
    );
    assert_eq!(
        damage([&frame[..], &skippable].concat()).await,
        "something follows the snapshot"
    );
    assert_eq!(
        damage([&frame[..], b"x"].concat()).await,
        "something follows the snapshot"
    );
    assert_eq!(
        damage([&skippable[..], &frame].concat()).await,
        "something follows the snapshot"
    );
}

#[tokio::test]
async fn what_is_not_zstd_at_all_is_refused() {
    for junk in [
        vec![7],
        vec![0; 100_000],
        b"<Error><Code>AccessDenied</Code></Error>".to_vec(),
    ] {
        damage(junk).await;
    }
}

#[tokio::test]
async fn a_header_without_end_is_not_read_to_its_end() {
    let (recipients, identities) = age_pair();
    let (store, mut manifest) = backup(WriteRequest {
        encryption: Some(recipients),
        ..zstd_request()
    })
    .await;
    let mut header = b"age-encryption.org/v1\n".to_vec();
    while header.len() < 8 << 20 {
        header.extend_from_slice(b"-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nEmECAEcKN+n/Vs9SbWiV+Hu0r+E8R77DdWYyd83nw7U\n");
    }
    forge(&mut manifest, &header);
    replace(&store, &manifest, Bytes::from(header)).await;
    let error = read(&store.arc(), &manifest, Some(&identities))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged("its header has no end")),
        "{error}"
    );
}

#[tokio::test]
async fn a_manifest_that_says_other_things_than_its_snapshot_is_found_out_by_the_fullest_proof() {
    let (store, manifest) = backup(zstd_request()).await;
    let mut forged = manifest.clone();
    forged.snapshot.hash ^= 1;
    assert!(matches!(
        prove_snapshot(&store.arc(), &forged, None, |_| Ok(())).await,
        Err(ProofError::Differs("hash"))
    ));
    let mut forged = manifest.clone();
    forged.snapshot.total_keys += 1;
    assert!(matches!(
        prove_snapshot(&store.arc(), &forged, None, |_| Ok(())).await,
        Err(ProofError::Differs("number of keys"))
    ));
    let mut forged = manifest;
    forged.compact_revision = 0;
    assert!(matches!(
        prove_snapshot(&store.arc(), &forged, None, |_| Ok(())).await,
        Err(ProofError::Differs("compact revision"))
    ));
}
