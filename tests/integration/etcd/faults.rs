//! Members that die or freeze while they are read.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use etcd_backup_etcd::EtcdError;
use futures::StreamExt;
use harness::etcd::{Etcd, Version};
use tokio::time::timeout;

use super::{chosen, cluster, fill, save};

/// More than the 8 MiB that may be on the way to us, and what the sockets hold.
const LARGE: usize = 24;

/// Opens the stream, reads one message, does `harm`, and reads on; the error that ends it, and how long that took.
async fn after(etcd: &Etcd, harm: impl FnOnce(&str) -> Result<()>) -> Result<(EtcdError, Duration)> {
    let cluster = cluster(etcd)?;
    let endpoint = chosen(&cluster).await?.endpoint;
    let mut stream = cluster.snapshot(&endpoint).await?;
    stream.next().await.context("a first message")??;
    harm(&endpoint)?;
    let harmed = Instant::now();
    let error = timeout(Duration::from_secs(20), async {
        loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Ok(error),
                None => return Err(anyhow::anyhow!("the stream ended as if nothing had happened")),
            }
        }
    })
    .await
    .context("the stream hangs")??;
    ensure!(stream.next().await.is_none(), "it goes on after an error");
    Ok((error, harmed.elapsed()))
}

#[tokio::test]
async fn a_member_that_is_killed_breaks_the_stream_and_another_one_gives_a_whole_one() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).members(3).await?;
    fill(&etcd, LARGE).await?;
    let (error, _) = after(&etcd, |endpoint| {
        let member = etcd.members().iter().find(|m| m.endpoint() == endpoint);
        member.context("a member")?.kill()
    })
    .await?;
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("StreamBroken", true),
        "{error}"
    );

    let cluster = cluster(&etcd)?;
    let other = chosen(&cluster).await?;
    let path = etcd.folder().join("snapshot.db");
    let length = save(cluster.snapshot(&other.endpoint).await?, &path).await?;
    ensure!(length > (LARGE as u64) << 20);
    Ok(())
}

#[tokio::test]
async fn a_member_that_freezes_stalls_the_stream_within_the_idle_time() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).members(3).await?;
    fill(&etcd, LARGE).await?;
    let (error, took) = after(&etcd, |endpoint| {
        let member = etcd.members().iter().find(|m| m.endpoint() == endpoint);
        member.context("a member")?.pause()
    })
    .await?;
    assert_eq!(
        (error.reason(), error.is_transient()),
        ("Stalled", true),
        "{error}"
    );
    ensure!(took < Duration::from_secs(10), "it took {took:?}");

    // And the next survey is not held up by it.
    let started = Instant::now();
    let cluster = cluster(&etcd)?;
    let other = chosen(&cluster).await?;
    ensure!(started.elapsed() < Duration::from_secs(25));
    ensure!(other.why.contains("did not answer"), "{}", other.why);
    Ok(())
}
