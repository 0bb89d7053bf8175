//! Stores that hold or say something else than they were given.

use std::sync::Arc;

use bytes::Bytes;
use etcd_backup_store::{GetRange, ObjectMeta, PutMode, Store};

use super::{a_complete_backup_or_nothing, claimed, nothing_is_left};
use crate::{
    manifest::Level,
    testing::{Fault, Faulty, Lies, Op, control, denied, down, request, write_fixture},
    write::{WriteError, WriteRequest},
};

/// Stores every part with a bit flipped.
fn flipping() -> Lies {
    Lies::part(|body| {
        let mut body = body.to_vec();
        body[1_000] ^= 1;
        body.into()
    })
}

fn says_no_checksum(meta: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        crc64nvme: None,
        ..meta
    }
}

/// Writes to a store with these lies, proving to this level.
async fn outcome(lies: Lies, level: Level) -> (Faulty, Result<Level, WriteError>) {
    let store = claimed().await.with_lies(lies);
    let request = WriteRequest {
        verification: level,
        ..request()
    };
    let level = write_fixture(&store.arc(), request, control())
        .await
        .map(|manifest| manifest.verification.level);
    (store, level)
}

#[tokio::test]
async fn a_flipped_bit_in_the_store_is_found_and_the_object_removed() {
    // The store's own checksum gives it away, or it tells none, and then the bytes do, at either level.
    for (lies, level) in [
        (flipping(), Level::Checksum),
        (flipping(), Level::Readback),
        (flipping().and_meta(says_no_checksum), Level::Checksum),
        (flipping().and_meta(says_no_checksum), Level::Readback),
    ] {
        let (store, outcome) = outcome(lies, level).await;
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            ("Integrity", true),
            "{error}"
        );
        nothing_is_left(&store).await;
    }
}

#[tokio::test]
async fn a_store_that_vouches_for_what_it_does_not_hold_is_found_out_by_reading_back() {
    let right = etcd_backup_store::checksum::crc64nvme(&crate::testing::fixture());
    let lies = flipping().and_meta(move |meta| ObjectMeta {
        crc64nvme: Some(right),
        ..meta
    });
    let (store, outcome) = outcome(lies, Level::Readback).await;
    assert_eq!(outcome.unwrap_err().reason(), "Integrity");
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_truncated_part_is_found_and_the_object_removed() {
    let cut = |body: Bytes| body.slice(..body.len() - 1);
    let (store, outcome) = outcome(Lies::part(cut), Level::Checksum).await;
    assert!(outcome.is_err());
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_checksum_is_enough_where_it_was_asked_for_and_the_store_knows_one() {
    let (store, level) = outcome(Lies::default(), Level::Checksum).await;
    assert_eq!(level.unwrap(), Level::Checksum);
    let snapshot = |(op, key): &(Op, String)| *op == Op::Get && key.ends_with("snapshot.db");
    assert!(!store.log().iter().any(snapshot), "nothing was read back");
}

#[tokio::test]
async fn a_store_that_knows_no_checksum_is_read_back_whatever_was_asked_for() {
    let (_, level) = outcome(Lies::default().and_meta(says_no_checksum), Level::Checksum).await;
    assert_eq!(level.unwrap(), Level::Readback);
}

#[tokio::test]
async fn an_entity_tag_is_never_taken_for_a_content_hash() {
    let odd = |meta: ObjectMeta| ObjectMeta { etag: None, ..meta };
    let (_, level) = outcome(Lies::default().and_meta(odd), Level::Readback).await;
    assert_eq!(level.unwrap(), Level::Readback);
}

#[tokio::test]
async fn an_object_that_is_not_there_after_it_was_completed_is_no_backup() {
    let (store, outcome) = outcome(
        Lies::default().and_meta(|meta| ObjectMeta {
            size: meta.size + 1,
            ..meta
        }),
        Level::Readback,
    )
    .await;
    assert_eq!(outcome.unwrap_err().reason(), "Integrity");
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn reading_back_goes_on_where_a_connection_broke() {
    let once = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let lies = Lies::reading(move |key, bytes| {
        let tries = once.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if !key.ends_with("snapshot.db") || tries >= 3 {
            return vec![Ok(bytes)];
        }
        vec![Ok(bytes.slice(..bytes.len() / 2)), Err(down())]
    });
    let (_, level) = outcome(lies, Level::Readback).await;
    assert_eq!(level.unwrap(), Level::Readback);
}

#[tokio::test]
async fn a_read_that_ends_early_and_cleanly_is_not_taken_for_the_whole() {
    let lies = Lies::reading(|_, bytes| vec![Ok(bytes.slice(..bytes.len() / 2))]);
    let (store, outcome) = outcome(lies, Level::Readback).await;
    assert!(outcome.is_err());
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn a_manifest_whose_answer_was_lost_is_a_success_and_not_a_second_manifest() {
    for lost in [1, 2] {
        let store = claimed().await.on(Op::Put, lost, Fault::LoseAnswer(down));
        write_fixture(&store.arc(), request(), control()).await.unwrap();
        assert!(a_complete_backup_or_nothing(&store, "answer lost").await);
    }
}

#[tokio::test]
async fn another_manifest_under_our_key_is_a_conflict_and_stays_as_it_is() {
    let store = claimed().await;
    let request = request();
    let key = request.location().manifest_key();
    store
        .inner
        .put(&key, Bytes::from_static(b"somebody else's"), PutMode::Create)
        .await
        .unwrap();
    let error = write_fixture(&store.arc(), request, control()).await.unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("ManifestConflict", false)
    );
    let there = store
        .inner
        .get(&key, GetRange::all())
        .await
        .unwrap()
        .bytes(100)
        .await
        .unwrap();
    assert_eq!(there, "somebody else's");
}

#[tokio::test]
async fn somebody_elses_object_under_our_key_is_left_alone() {
    let store = claimed().await;
    let request = request();
    let key = request.location().snapshot_key(request.form());
    store
        .inner
        .put(&key, Bytes::from_static(b"somebody else's"), PutMode::Create)
        .await
        .unwrap();
    let error = write_fixture(&store.arc(), request, control()).await.unwrap_err();
    assert_eq!(error.reason(), "AlreadyExists");
    assert_eq!(store.inner.head(&key).await.unwrap().size, 15);
}

#[tokio::test]
async fn a_manifest_that_the_store_refuses_leaves_nothing() {
    let store = claimed().await.on(Op::Put, usize::MAX, Fault::Fail(denied));
    let error = write_fixture(&store.arc(), request(), control())
        .await
        .unwrap_err();
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("PermissionDenied", false)
    );
    nothing_is_left(&store).await;
}

#[tokio::test]
async fn as_long_as_nobody_knows_whether_the_manifest_was_written_its_snapshot_stays() {
    let store = claimed()
        .await
        .on(Op::Put, usize::MAX, Fault::LoseAnswer(down))
        .on(Op::Get, usize::MAX, Fault::Fail(down));
    let request = WriteRequest {
        verification: Level::Checksum,
        ..request()
    };
    let error = write_fixture(&store.arc(), request, control()).await.unwrap_err();
    assert_eq!(error.reason(), "Timeout");
    assert!(
        a_complete_backup_or_nothing(&store, "manifest unknown").await,
        "it was written"
    );
}
