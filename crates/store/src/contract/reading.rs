//! Get, whole and in ranges.

use futures::StreamExt as _;

use super::case::{Outcome, cases, ensure, expect_reason, noise};
use crate::{GetRange, PutMode, Store};

cases![
    ranges_give_exactly_their_bytes,
    a_range_past_the_end_is_refused,
    if_match_reads_only_the_same_object,
    a_reader_keeps_reading_what_it_opened_or_fails,
    a_read_is_cut_at_the_readers_limit,
];

async fn ranges_give_exactly_their_bytes(store: &dyn Store) -> Outcome {
    let body = noise(300_000, 2);
    store.put("k", body.clone(), PutMode::Create).await?;
    for (offset, length) in [
        (0, Some(1)),
        (0, Some(300_000)),
        (1, Some(65_536)),
        (299_999, Some(1)),
        (299_999, None),
        (150_000, None),
        (150_000, Some(10_000_000)),
    ] {
        let range = GetRange {
            offset,
            length,
            if_match: None,
        };
        let got = store.get("k", range).await?;
        ensure!(
            got.meta.size == 300_000,
            "the size of the whole object came back as {}",
            got.meta.size
        );
        let end = length.map_or(300_000, |length| (offset + length).min(300_000));
        ensure!(
            got.bytes(1 << 20).await? == body.slice(offset as usize..end as usize),
            "other bytes at {offset} {length:?}"
        );
    }
    Ok(())
}

async fn a_range_past_the_end_is_refused(store: &dyn Store) -> Outcome {
    store.put("k", "0123456789".into(), PutMode::Create).await?;
    for offset in [10, 11, u64::MAX / 2] {
        let got = store.get("k", GetRange::from(offset)).await;
        expect_reason(got, "InvalidRequest", "a range past the end")?;
    }
    Ok(())
}

async fn if_match_reads_only_the_same_object(store: &dyn Store) -> Outcome {
    store.put("k", "one".into(), PutMode::Create).await?;
    let etag = store.head("k").await?.etag;
    let range = GetRange {
        if_match: etag,
        ..GetRange::all()
    };
    store.get("k", range.clone()).await?;
    store.put("k", "two".into(), PutMode::Overwrite).await?;
    let got = store.get("k", range).await;
    expect_reason(got, "Changed", "a read of a replaced object")
}

async fn a_reader_keeps_reading_what_it_opened_or_fails(store: &dyn Store) -> Outcome {
    let first = noise(3_000_000, 3);
    store.put("k", first.clone(), PutMode::Create).await?;
    let mut body = store.get("k", GetRange::all()).await?.body;
    let mut read = Vec::new();
    if let Some(chunk) = body.next().await {
        read.extend_from_slice(&chunk?);
    }
    store.put("k", noise(3_000_000, 4), PutMode::Overwrite).await?;
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => read.extend_from_slice(&chunk),
            // Refusing to mix two objects is right as well.
            Err(_) => return Ok(()),
        }
    }
    ensure!(read == first, "bytes of two objects were mixed");
    Ok(())
}

async fn a_read_is_cut_at_the_readers_limit(store: &dyn Store) -> Outcome {
    store.put("k", noise(1_000, 5), PutMode::Create).await?;
    let got = store.get("k", GetRange::all()).await?;
    expect_reason(got.bytes(999).await, "InvalidRequest", "a limit of 999 bytes")
}
