//! Listings that lie, and long ones.

use std::fs;

use anyhow::{Context, Result};
use etcd_backup_store::{S3Store, Store as _, list_all, s3::Credentials};
use harness::{
    s3::{Fault, ListFault, Operation, Quirks},
    versitygw::Versitygw,
};

use super::{BUCKET, config, start, start_with};

const KEYS: [&str; 5] = ["a/1", "a/2", "b/1", "b/2", "c"];

#[tokio::test]
async fn duplicates_and_disorder_are_put_right() -> Result<()> {
    let (server, store) = start().await?;
    for key in KEYS {
        server.plant(&format!("tenant/{key}"), "x");
    }
    server
        .plan()
        .on(Operation::List)
        .fails(Fault::List(ListFault::DuplicatesUnsorted));
    let keys: Vec<String> = list_all(&store, "", 100)
        .await?
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert_eq!(keys, KEYS);
    Ok(())
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_is_an_error() -> Result<()> {
    let (server, store) = start().await?;
    server.plant("tenant/a/1", "x");
    for lie in [ListFault::Loops, ListFault::NoContinuation] {
        server.plan().clear();
        server.plan().on(Operation::List).fails(Fault::List(lie.clone()));
        let error = list_all(&store, "", 100).await.unwrap_err();
        assert_eq!(error.reason(), "Corrupted", "{lie:?}");
        let error = store.list_prefixes("").await.unwrap_err();
        assert_eq!(error.reason(), "Corrupted", "{lie:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_listing_longer_than_allowed_is_an_error_and_not_a_shorter_one() -> Result<()> {
    let (server, store) = start().await?;
    for key in KEYS {
        server.plant(&format!("tenant/{key}"), "x");
    }
    assert_eq!(list_all(&store, "", KEYS.len()).await?.len(), KEYS.len());
    let error = list_all(&store, "", KEYS.len() - 1).await.unwrap_err();
    assert_eq!(error.reason(), "Corrupted");
    Ok(())
}

#[tokio::test]
async fn a_page_that_fails_fails_the_whole_listing() -> Result<()> {
    let quirks = Quirks {
        page: 2,
        ..Quirks::default()
    };
    let (server, store) = start_with(quirks).await?;
    for key in KEYS {
        server.plant(&format!("tenant/{key}"), "x");
    }
    server
        .plan()
        .on(Operation::List)
        .skip(1)
        .fails(Fault::answer(500, "InternalError"));
    let error = list_all(&store, "", 100).await.unwrap_err();
    assert_eq!(error.reason(), "StoreUnavailable");
    Ok(())
}

#[tokio::test]
async fn keys_outside_the_prefix_are_never_taken_for_ours() -> Result<()> {
    let (server, store) = start().await?;
    for key in [
        "tenant/a/1",
        "tenant-2/a/1",
        "tenant",
        "a/1",
        "tenant/folder/",
        "tenant//x",
        "tenant/../x",
    ] {
        server.plant(key, "x");
    }
    server
        .plan()
        .on(Operation::List)
        .fails(Fault::List(ListFault::IgnoresPrefix));
    let keys: Vec<String> = list_all(&store, "", 100)
        .await?
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert_eq!(keys, ["a/1"]);
    let keys: Vec<String> = list_all(&store, "b/", 100)
        .await?
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert_eq!(keys, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn what_a_listing_misses_or_empties_is_simply_not_there() -> Result<()> {
    // Nothing the store could know better; what must not follow from it is the catalogue's matter.
    let (server, store) = start().await?;
    for key in KEYS {
        server.plant(&format!("tenant/{key}"), "x");
    }
    server
        .plan()
        .on(Operation::List)
        .times(1)
        .fails(Fault::List(ListFault::Misses("b/".to_owned())));
    assert_eq!(list_all(&store, "", 100).await?.len(), 3);
    server
        .plan()
        .on(Operation::List)
        .times(1)
        .fails(Fault::List(ListFault::Empty));
    assert_eq!(list_all(&store, "", 100).await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_encode_keys_is_understood() -> Result<()> {
    let quirks = Quirks {
        encodes_keys: false,
        ..Quirks::default()
    };
    let (server, store) = start_with(quirks).await?;
    for key in ["a b", "a+b", "a%2Bb"] {
        server.plant(&format!("tenant/{key}"), "x");
    }
    let keys: Vec<String> = list_all(&store, "", 100)
        .await?
        .into_iter()
        .map(|o| o.key)
        .collect();
    assert_eq!(keys, ["a b", "a%2Bb", "a+b"]);
    Ok(())
}

/// Ten pages of S3's.
fn many() -> Vec<String> {
    (0..10_000).map(|number| format!("{number:05}")).collect()
}

async fn listed(store: &S3Store) -> Result<Vec<String>> {
    let objects = list_all(store, "", 10_000).await?;
    Ok(objects.into_iter().map(|object| object.key).collect())
}

#[tokio::test]
async fn ten_thousand_objects_are_listed_in_as_many_requests_as_there_are_pages() -> Result<()> {
    let (server, store) = start().await?;
    for key in many() {
        server.plant(&format!("tenant/{key}"), "x");
    }
    assert!(listed(&store).await? == many());
    assert_eq!(server.plan().count(Operation::List), 10);
    assert_eq!(server.plan().seen().len(), 10, "something else was asked for");
    Ok(())
}

#[tokio::test]
async fn ten_thousand_objects_of_a_real_server_are_listed() -> Result<()> {
    let server = Versitygw::start().await?;
    server.create_bucket(BUCKET)?;
    let folder = server.data().join(BUCKET).join("tenant");
    fs::create_dir(&folder).context("make a folder")?;
    for key in many() {
        fs::write(folder.join(key), "x").context("write an object")?;
    }
    let mut config = config(&server.endpoint);
    config.credentials = Credentials::Static {
        access_key_id: server.access_key.clone(),
        secret_access_key: server.secret_key.clone(),
        session_token: None,
    };
    assert!(listed(&S3Store::new(config).await?).await? == many());
    Ok(())
}
