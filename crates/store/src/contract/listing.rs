//! List, all pages, folders.

use super::case::{Outcome, cases, ensure};
use crate::{PutMode, Store, list_all};

cases![
    an_empty_store_lists_nothing,
    a_listing_is_ascending_and_complete_over_many_pages,
    a_prefix_is_plain_text_and_never_reaches_its_neighbours,
    a_listing_tells_size_and_time,
    folders_are_one_level_deep,
];

async fn put_all(store: &dyn Store, keys: &[String]) -> Outcome {
    for some in keys.chunks(16) {
        let puts = some
            .iter()
            .map(|key| store.put(key, "x".into(), PutMode::Overwrite));
        for put in futures::future::join_all(puts).await {
            put?;
        }
    }
    Ok(())
}

async fn keys_of(store: &dyn Store, prefix: &str) -> Result<Vec<String>, crate::StoreError> {
    let objects = list_all(store, prefix, 10_000).await?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

async fn an_empty_store_lists_nothing(store: &dyn Store) -> Outcome {
    ensure!(keys_of(store, "").await?.is_empty(), "objects out of nothing");
    ensure!(keys_of(store, "a/").await?.is_empty(), "objects out of nothing");
    ensure!(
        store.list_prefixes("").await?.is_empty(),
        "folders out of nothing"
    );
    ensure!(
        store.list_prefixes("a/").await?.is_empty(),
        "folders out of nothing"
    );
    ensure!(store.list_uploads("").await?.is_empty(), "uploads out of nothing");
    Ok(())
}

async fn a_listing_is_ascending_and_complete_over_many_pages(store: &dyn Store) -> Outcome {
    // More than a page of S3 (1000), with names that sort differently as folders and as text.
    let mut keys: Vec<String> = (0..1_050).map(|n| format!("many/{n:04}/data")).collect();
    keys.extend(["many/0001", "many-", "many/0001-x"].map(str::to_owned));
    // An object cannot also be a folder.
    keys.retain(|key| key != "many/0001");
    put_all(store, &keys).await?;
    keys.sort();
    let all = keys_of(store, "").await?;
    ensure!(all == keys, "{} of {} listed, or unsorted", all.len(), keys.len());

    let mut paged = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list("many/", after.as_deref()).await?;
        paged.extend(page.objects.into_iter().map(|object| object.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    keys.retain(|key| key.starts_with("many/"));
    ensure!(paged == keys, "the pages hold {} of {}", paged.len(), keys.len());
    Ok(())
}

async fn a_prefix_is_plain_text_and_never_reaches_its_neighbours(store: &dyn Store) -> Outcome {
    let keys = ["prefix/a", "prefix-2/a", "prefix2", "other/prefix/a"].map(str::to_owned);
    put_all(store, &keys).await?;
    ensure!(
        keys_of(store, "prefix/").await? == ["prefix/a"],
        "a neighbour was listed"
    );
    ensure!(
        keys_of(store, "prefix").await? == ["prefix-2/a", "prefix/a", "prefix2"],
        "a prefix is not plain text"
    );
    ensure!(
        keys_of(store, "prefix/a/").await?.is_empty(),
        "an object is no folder"
    );
    Ok(())
}

async fn a_listing_tells_size_and_time(store: &dyn Store) -> Outcome {
    store.put("a/k", "12345".into(), PutMode::Create).await?;
    let listed = list_all(store, "a/", 10).await?;
    ensure!(listed.len() == 1, "{} listed", listed.len());
    ensure!(listed[0].size == 5, "a size of {}", listed[0].size);
    ensure!(listed[0].last_modified.is_some(), "no time");
    Ok(())
}

async fn folders_are_one_level_deep(store: &dyn Store) -> Outcome {
    let keys = [
        "ns/plan/1/x",
        "ns/plan/1/y",
        "ns/plan/2/x",
        "ns/plan/file",
        "ns/plan-b/1/x",
        "top",
    ]
    .map(str::to_owned);
    put_all(store, &keys).await?;
    ensure!(store.list_prefixes("").await? == ["ns/"], "the top");
    ensure!(
        store.list_prefixes("ns/").await? == ["ns/plan-b/", "ns/plan/"],
        "the middle: {:?}",
        store.list_prefixes("ns/").await?
    );
    ensure!(
        store.list_prefixes("ns/plan/").await? == ["ns/plan/1/", "ns/plan/2/"],
        "the bottom"
    );
    Ok(())
}
