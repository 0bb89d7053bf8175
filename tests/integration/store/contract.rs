//! The suite that every store passes.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use etcd_backup_store::contract;
use etcd_backup_store::s3::{Credentials, S3Store};
use etcd_backup_store::{CreateOnly, PutMode, Store as _};
use harness::s3::{Conditions, Quirks, S3Server};
use harness::versitygw::Versitygw;

use super::{BUCKET, config};

/// Fresh stores are prefixes of one bucket: creating buckets is nothing a store can do.
fn prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("fresh/{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn run(server: &S3Server) {
    let outcome = contract::run(|| async {
        let mut config = config(&server.endpoint);
        config.prefix = prefix();
        S3Store::new(config).await
    })
    .await;
    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn our_server_and_store_keep_the_contract() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    run(&server).await;
    assert_eq!(server.open_uploads(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn the_contract_holds_with_small_pages_and_versions() -> Result<()> {
    let quirks = Quirks {
        page: 97,
        versioning: true,
        ..Quirks::default()
    };
    run(&S3Server::start_with(BUCKET, quirks).await?).await;
    Ok(())
}

#[tokio::test]
async fn the_contract_holds_on_a_server_that_refuses_conditions_and_knows_no_checksums() -> Result<()> {
    let quirks = Quirks {
        put_conditions: Conditions::Refused,
        complete_conditions: Conditions::Refused,
        checksums: false,
        ..Quirks::default()
    };
    let server = S3Server::start_with(BUCKET, quirks).await?;
    let mut broken = Vec::new();
    for case in contract::cases() {
        // The one promise that cannot be kept without the server's help, and that `creates_only` denies; and one
        // that takes a thousand objects and has nothing to do with either.
        let besides = [
            "two_creators_at_once_one_wins",
            "a_listing_is_ascending_and_complete_over_many_pages",
        ];
        if besides.contains(&case.name()) {
            continue;
        }
        let mut config = config(&server.endpoint);
        config.prefix = prefix();
        let store = S3Store::new(config).await?;
        if let Err(violation) = case.run(&store).await {
            broken.push(format!("{}: {violation}", case.name()));
        }
    }
    assert_eq!(broken, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn versitygw_and_store_keep_the_contract() -> Result<()> {
    let server = Versitygw::start().await?;
    server.create_bucket(BUCKET)?;
    let fresh = || async {
        let mut config = config(&server.endpoint);
        config.prefix = prefix();
        config.credentials = Credentials::Static {
            access_key_id: server.access_key.clone(),
            secret_access_key: server.secret_key.clone(),
            session_token: None,
        };
        S3Store::new(config).await
    };
    assert_eq!(contract::run(fresh).await, Ok(()));
    let store = fresh().await?;
    let put = store.put("owner", "ours".into(), PutMode::Create).await?;
    assert!(put.crc64nvme.is_some(), "it tells no checksum");
    let found = store.creates_only("owner", "ours".into()).await?;
    assert_eq!(found, CreateOnly::Enforced);
    Ok(())
}
