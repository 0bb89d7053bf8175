//! Put, head, delete, and whether the store itself refuses.

use bytes::Bytes;

use super::case::{Outcome, cases, ensure, expect_reason, noise};
use crate::{GetRange, PutMode, Store, checksum, list_all};

cases![
    a_put_is_what_head_and_get_say,
    an_empty_object_is_an_object,
    create_refuses_an_existing_key_and_leaves_it_alone,
    create_of_the_same_bytes_is_refused_too,
    two_creators_at_once_one_wins,
    overwrite_replaces,
    a_deleted_object_is_gone_and_deleting_again_is_fine,
    head_of_nothing_is_not_found,
    keys_that_could_escape_are_refused_everywhere,
    odd_keys_survive,
    a_key_may_be_a_prefix_of_another,
    asking_whether_it_refuses_changes_nothing,
    the_location_shows_no_query_and_no_user,
];

async fn a_put_is_what_head_and_get_say(store: &dyn Store) -> Outcome {
    let body = noise(100_000, 1);
    let put = store.put("a/b.json", body.clone(), PutMode::Create).await?;
    let head = store.head("a/b.json").await?;
    for meta in [&put, &head] {
        ensure!(meta.key == "a/b.json", "the key came back as {:?}", meta.key);
        ensure!(meta.size == 100_000, "the size came back as {}", meta.size);
        let crc = meta.crc64nvme.unwrap_or(checksum::crc64nvme(&body));
        ensure!(crc == checksum::crc64nvme(&body), "wrong CRC64/NVME {crc:016x}");
    }
    ensure!(head.last_modified.is_some(), "no time of modification");
    ensure!(head.etag.is_some(), "no entity tag");
    let got = store.get("a/b.json", GetRange::all()).await?;
    ensure!(got.bytes(1 << 20).await? == body, "other bytes came back");
    Ok(())
}

async fn an_empty_object_is_an_object(store: &dyn Store) -> Outcome {
    store.put("empty", Bytes::new(), PutMode::Create).await?;
    ensure!(store.head("empty").await?.size == 0, "not empty");
    let got = store.get("empty", GetRange::all()).await?;
    ensure!(got.bytes(0).await?.is_empty(), "bytes out of nothing");
    Ok(())
}

async fn create_refuses_an_existing_key_and_leaves_it_alone(store: &dyn Store) -> Outcome {
    let first = Bytes::from_static(b"first");
    store.put("k", first.clone(), PutMode::Create).await?;
    let second = store.put("k", "second".into(), PutMode::Create).await;
    expect_reason(second, "AlreadyExists", "a second create")?;
    let held = store.get("k", GetRange::all()).await?.bytes(64).await?;
    ensure!(held == first, "the second create changed the object");
    Ok(())
}

async fn create_of_the_same_bytes_is_refused_too(store: &dyn Store) -> Outcome {
    // Whoever comes second did not create it, even if it would have written the same.
    store.put("k", "same".into(), PutMode::Create).await?;
    let second = store.put("k", "same".into(), PutMode::Create).await;
    expect_reason(second, "AlreadyExists", "a second create of the same bytes")
}

async fn two_creators_at_once_one_wins(store: &dyn Store) -> Outcome {
    let writers = (0..8_u8).map(|n| store.put("contested", vec![n; 64].into(), PutMode::Create));
    let results = futures::future::join_all(writers).await;
    let mut winners = Vec::new();
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(_) => winners.push(n),
            Err(error) => {
                expect_reason::<()>(Err(error), "AlreadyExists", "a losing creator")?;
            }
        }
    }
    ensure!(winners.len() == 1, "{} creators won", winners.len());
    let held = store.get("contested", GetRange::all()).await?.bytes(64).await?;
    ensure!(
        held.iter().all(|byte| usize::from(*byte) == winners[0]),
        "the winner's bytes are not what is held"
    );
    Ok(())
}

async fn overwrite_replaces(store: &dyn Store) -> Outcome {
    store.put("k", "one".into(), PutMode::Overwrite).await?;
    let before = store.head("k").await?;
    store.put("k", "three".into(), PutMode::Overwrite).await?;
    let after = store.head("k").await?;
    ensure!(after.size == 5, "the size is still {}", after.size);
    ensure!(before.etag != after.etag, "the entity tag did not change");
    Ok(())
}

async fn a_deleted_object_is_gone_and_deleting_again_is_fine(store: &dyn Store) -> Outcome {
    store.put("a/k", "x".into(), PutMode::Create).await?;
    store.delete("a/k").await?;
    expect_reason(store.head("a/k").await, "NotFound", "head after delete")?;
    store.delete("a/k").await?;
    store.delete("never/was").await?;
    store.put("a/k", "y".into(), PutMode::Create).await?;
    Ok(())
}

async fn head_of_nothing_is_not_found(store: &dyn Store) -> Outcome {
    store.put("a/b", "x".into(), PutMode::Create).await?;
    for missing in ["nothing", "a", "a/b/c", "a/bb"] {
        expect_reason(store.head(missing).await, "NotFound", missing)?;
        let got = store.get(missing, GetRange::all()).await;
        expect_reason(got, "NotFound", missing)?;
    }
    Ok(())
}

async fn keys_that_could_escape_are_refused_everywhere(store: &dyn Store) -> Outcome {
    for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\nb"] {
        let put = store.put(bad, "x".into(), PutMode::Create).await;
        expect_reason(put, "InvalidKey", bad)?;
        let got = store.get(bad, GetRange::all()).await;
        expect_reason(got, "InvalidKey", bad)?;
        expect_reason(store.head(bad).await, "InvalidKey", bad)?;
        expect_reason(store.delete(bad).await, "InvalidKey", bad)?;
        expect_reason(store.upload(bad).await.map(|_| ()), "InvalidKey", bad)?;
    }
    expect_reason(store.list("../", None).await, "InvalidKey", "list")?;
    expect_reason(store.list_prefixes("a").await, "InvalidKey", "no slash")
}

async fn odd_keys_survive(store: &dyn Store) -> Outcome {
    let mut keys = vec![
        "odd/a b".to_owned(),
        "odd/a+b".to_owned(),
        "odd/a%2Bb".to_owned(),
        "odd/a&b=c?d#e".to_owned(),
        "odd/<é>'\"日本".to_owned(),
        "odd/~!@$^*(){}[],;:|".to_owned(),
    ];
    for key in &keys {
        store.put(key, key.clone().into(), PutMode::Create).await?;
    }
    for key in &keys {
        let held = store.get(key, GetRange::all()).await?.bytes(256).await?;
        ensure!(held == key.as_bytes(), "{key:?} holds another's bytes");
    }
    keys.sort();
    let listed: Vec<String> = list_all(store, "odd/", 100)
        .await?
        .into_iter()
        .map(|object| object.key)
        .collect();
    ensure!(listed == keys, "listed {listed:?}");
    for key in &keys {
        store.delete(key).await?;
    }
    ensure!(list_all(store, "odd/", 100).await?.is_empty(), "some are left");
    Ok(())
}

async fn a_key_may_be_a_prefix_of_another(store: &dyn Store) -> Outcome {
    // As text, not as a folder: an object is never also a folder, which no directory could hold.
    store.put("p/run", "1".into(), PutMode::Create).await?;
    store.put("p/run-2", "2".into(), PutMode::Create).await?;
    store.delete("p/run").await?;
    ensure!(store.head("p/run-2").await?.size == 1, "the longer key went too");
    Ok(())
}

async fn asking_whether_it_refuses_changes_nothing(store: &dyn Store) -> Outcome {
    store.put("owner", "ours".into(), PutMode::Create).await?;
    let found = store.creates_only("owner", "ours".into()).await?;
    ensure!(
        store.creates_only("owner", "ours".into()).await? == found,
        "asked again it says otherwise than {found:?}"
    );
    let body = store.get("owner", GetRange::all()).await?.bytes(10).await?;
    ensure!(body == "ours", "it holds {body:?}");
    let left = list_all(store, "", 10).await?;
    ensure!(left.len() == 1, "it holds also: {left:?}");
    let uploads = store.list_uploads("").await?;
    ensure!(uploads.is_empty(), "uploads left behind: {uploads:?}");
    Ok(())
}

async fn the_location_shows_no_query_and_no_user(store: &dyn Store) -> Outcome {
    let location = store.location();
    ensure!(!location.contains(['?', '@']), "the location is {location}");
    Ok(())
}
