//! Slow is fine, standing still is not.

use std::time::Duration;

use anyhow::Result;
use etcd_backup_store::{GetRange, S3Store, Store as _};
use harness::s3::{Fault, Operation, S3Server};
use tokio::time::Instant;

use super::{BUCKET, config, noise, upload};

/// A store that waits this long for the next byte.
async fn patient(server: &S3Server, stall: Duration) -> Result<S3Store> {
    let mut config = config(&server.endpoint);
    config.timeouts.stall = stall;
    config.timeouts.assembly = 2 * stall;
    config.retry.attempts = 2;
    Ok(S3Store::new(config).await?)
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_bounded_time() -> Result<()> {
    for operation in Operation::USED {
        let server = S3Server::start(BUCKET).await?;
        let store = patient(&server, Duration::from_millis(150)).await?;
        server.plant("tenant/there", "x");
        server.plan().on(operation).fails(Fault::Stall);
        let begun = Instant::now();
        let error = super::perform(&store, operation).await.unwrap_err();
        assert_eq!(error.reason(), "Timeout", "{operation:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{operation:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_big_part_that_moves_slowly_is_left_alone() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let store = patient(&server, Duration::from_millis(300)).await?;
    let crawl = Fault::SlowReceive {
        bytes_per_second: 2_500_000,
    };
    server.plan().on(Operation::UploadPart).fails(crawl);
    let begun = Instant::now();
    upload(&store, "data", &noise(super::PART)).await?;
    assert!(begun.elapsed() > Duration::from_millis(1_400), "it was not slow");
    assert_eq!(server.plan().count(Operation::UploadPart), 1);
    Ok(())
}

#[tokio::test]
async fn a_read_that_drips_is_left_alone() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let store = patient(&server, Duration::from_secs(1)).await?;
    let whole = noise(30_000);
    server.plant("tenant/data", whole.clone());
    let drip = Fault::DripAnswer {
        bytes_per_second: 10_000,
    };
    server.plan().on(Operation::Get).fails(drip);
    let got = store.get("data", GetRange::all()).await?;
    assert!(got.bytes(100_000).await? == whole);
    assert_eq!(server.plan().count(Operation::Get), 1);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_not_the_servers_fault() -> Result<()> {
    use futures::StreamExt as _;
    let server = S3Server::start(BUCKET).await?;
    let store = patient(&server, Duration::from_secs(1)).await?;
    let whole = noise(3_000_000);
    server.plant("tenant/data", whole.clone());
    let mut body = store.get("data", GetRange::all()).await?.body;
    let mut read = Vec::new();
    let mut pauses = 0;
    while let Some(chunk) = body.next().await {
        read.extend_from_slice(&chunk?);
        if pauses < 2 {
            pauses += 1;
            tokio::time::sleep(Duration::from_millis(1_200)).await;
        }
    }
    assert!(read == whole);
    assert_eq!(server.plan().count(Operation::Get), 1);
    Ok(())
}

#[tokio::test]
async fn a_complete_that_takes_long_is_waited_for_and_blanks_keep_it_alive() -> Result<()> {
    let server = S3Server::start(BUCKET).await?;
    let store = patient(&server, Duration::from_secs(1)).await?;
    let copying = Fault::BlanksFirst {
        blanks: 25,
        every: Duration::from_millis(100),
    };
    server.plan().on(Operation::CompleteUpload).fails(copying);
    let begun = Instant::now();
    upload(&store, "data", &noise(100)).await?;
    assert!(
        begun.elapsed() > Duration::from_secs(2),
        "longer than standing still and assembling may last"
    );
    assert_eq!(server.plan().count(Operation::CompleteUpload), 1);
    Ok(())
}
