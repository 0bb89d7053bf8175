//! Uploads in parts.

use bytes::Bytes;

use super::case::{Outcome, cases, ensure, expect_reason, noise};
use crate::{GetRange, ObjectMeta, PutMode, Store, StoreError, Upload, checksum, list_all};

cases![
    an_upload_in_any_order_becomes_one_object,
    an_upload_of_one_short_part_is_fine,
    nothing_is_visible_before_completion,
    completion_refuses_a_taken_key_and_leaves_it_alone,
    an_aborted_upload_leaves_nothing,
    an_abandoned_upload_is_listed_and_can_be_aborted_by_another,
    a_part_may_be_sent_again,
    broken_uploads_are_refused_and_stay_invisible,
    two_uploads_of_one_key_do_not_mix,
];

fn cut(whole: &Bytes, part_size: usize) -> Vec<(u32, Bytes)> {
    (1..)
        .zip((0..whole.len()).step_by(part_size))
        .map(|(number, start)| {
            let end = (start + part_size).min(whole.len());
            (number, whole.slice(start..end))
        })
        .collect()
}

async fn send(upload: Box<dyn Upload>, whole: &Bytes) -> Result<ObjectMeta, StoreError> {
    for (number, part) in cut(whole, upload.part_size()) {
        upload.part(number, part).await?;
    }
    upload.complete().await
}

async fn an_upload_in_any_order_becomes_one_object(store: &dyn Store) -> Outcome {
    let upload = store.upload("up/data").await?;
    let whole = noise(upload.part_size() * 3 + 12_345, 10);
    let mut parts = cut(&whole, upload.part_size());
    parts.reverse();
    let sends = parts.into_iter().map(|(number, part)| upload.part(number, part));
    for sent in futures::future::join_all(sends).await {
        sent?;
    }
    let meta = upload.complete().await?;
    ensure!(meta.key == "up/data", "the key came back as {:?}", meta.key);
    ensure!(meta.size == whole.len() as u64, "a size of {}", meta.size);
    let crc = checksum::crc64nvme(&whole);
    ensure!(meta.crc64nvme.is_none_or(|held| held == crc), "another checksum");
    let head = store.head("up/data").await?;
    ensure!(head.size == meta.size && head.etag == meta.etag, "head differs");
    let got = store.get("up/data", GetRange::all()).await?;
    ensure!(got.bytes(usize::MAX).await? == whole, "other bytes came back");
    ensure!(
        store.list_uploads("").await?.is_empty(),
        "the upload is still open"
    );
    Ok(())
}

async fn an_upload_of_one_short_part_is_fine(store: &dyn Store) -> Outcome {
    let meta = send(store.upload("k").await?, &noise(10, 11)).await?;
    ensure!(meta.size == 10, "a size of {}", meta.size);
    Ok(())
}

async fn nothing_is_visible_before_completion(store: &dyn Store) -> Outcome {
    let upload = store.upload("up/k").await?;
    upload.part(1, noise(100, 12)).await?;
    expect_reason(store.head("up/k").await, "NotFound", "head")?;
    ensure!(list_all(store, "", 10).await?.is_empty(), "it is listed");
    ensure!(store.list_prefixes("").await?.is_empty(), "its folder is listed");
    upload.complete().await?;
    store.head("up/k").await?;
    Ok(())
}

async fn completion_refuses_a_taken_key_and_leaves_it_alone(store: &dyn Store) -> Outcome {
    let upload = store.upload("k").await?;
    upload.part(1, noise(100, 13)).await?;
    store.put("k", "taken".into(), PutMode::Create).await?;
    expect_reason(upload.complete().await, "AlreadyExists", "completion")?;
    let held = store.get("k", GetRange::all()).await?.bytes(100).await?;
    ensure!(held.as_ref() == b"taken", "the object was replaced");
    ensure!(
        store.list_uploads("").await?.is_empty(),
        "the failed upload is still open"
    );
    Ok(())
}

async fn an_aborted_upload_leaves_nothing(store: &dyn Store) -> Outcome {
    let upload = store.upload("up/k").await?;
    upload.part(1, noise(100, 14)).await?;
    upload.abort().await?;
    expect_reason(store.head("up/k").await, "NotFound", "head")?;
    ensure!(
        store.list_uploads("").await?.is_empty(),
        "the upload is still open"
    );
    Ok(())
}

async fn an_abandoned_upload_is_listed_and_can_be_aborted_by_another(store: &dyn Store) -> Outcome {
    let upload = store.upload("up/left behind").await?;
    upload.part(1, noise(100, 15)).await?;
    let other = store.upload("other/k").await?;
    drop(upload);
    let found = store.list_uploads("up/").await?;
    ensure!(found.len() == 1, "found {found:?}");
    ensure!(found[0].key == "up/left behind", "found {found:?}");
    ensure!(found[0].initiated.is_some(), "no time of beginning");
    store.abort_upload(&found[0]).await?;
    ensure!(store.list_uploads("up/").await?.is_empty(), "it is still there");
    store.abort_upload(&found[0]).await?;
    ensure!(store.list_uploads("").await?.len() == 1, "another's was aborted");
    other.abort().await?;
    Ok(())
}

async fn a_part_may_be_sent_again(store: &dyn Store) -> Outcome {
    let upload = store.upload("k").await?;
    let size = upload.part_size();
    let whole = noise(size + 10, 16);
    upload.part(1, noise(size, 99)).await?;
    upload.part(2, whole.slice(size..)).await?;
    upload.part(1, whole.slice(..size)).await?;
    let meta = upload.complete().await?;
    ensure!(meta.size == whole.len() as u64, "a size of {}", meta.size);
    let got = store.get("k", GetRange::all()).await?;
    ensure!(got.bytes(usize::MAX).await? == whole, "the first sending counted");
    Ok(())
}

async fn broken_uploads_are_refused_and_stay_invisible(store: &dyn Store) -> Outcome {
    let empty = store.upload("k").await?;
    expect_reason(empty.complete().await, "InvalidRequest", "no parts")?;

    let gap = store.upload("k").await?;
    gap.part(2, noise(gap.part_size(), 17)).await?;
    expect_reason(gap.complete().await, "InvalidRequest", "a gap")?;

    let short = store.upload("k").await?;
    short.part(1, noise(10, 18)).await?;
    short.part(2, noise(10, 19)).await?;
    expect_reason(short.complete().await, "InvalidRequest", "a short part")?;

    let bad = store.upload("k").await?;
    let over = noise(bad.part_size() + 1, 20);
    expect_reason(bad.part(1, over).await, "InvalidRequest", "too large")?;
    expect_reason(bad.part(1, Bytes::new()).await, "InvalidRequest", "empty")?;
    expect_reason(bad.part(0, "x".into()).await, "InvalidRequest", "number 0")?;
    expect_reason(store.head("k").await, "NotFound", "head")?;
    bad.abort().await?;
    ensure!(
        store.list_uploads("").await?.is_empty(),
        "a failed upload is still open"
    );
    Ok(())
}

async fn two_uploads_of_one_key_do_not_mix(store: &dyn Store) -> Outcome {
    let (first, second) = (store.upload("k").await?, store.upload("k").await?);
    let (ours, theirs) = (noise(5_000, 21), noise(6_000, 22));
    first.part(1, ours.clone()).await?;
    second.part(1, theirs).await?;
    first.complete().await?;
    expect_reason(second.complete().await, "AlreadyExists", "the second")?;
    let held = store.get("k", GetRange::all()).await?.bytes(10_000).await?;
    ensure!(held == ours, "other bytes came back");
    Ok(())
}
