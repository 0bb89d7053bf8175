//! The stream holds what the member had.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::etcd::{Etcd, Version};

use super::{chosen, cluster, fill, save};

#[tokio::test]
async fn a_snapshot_of_every_release_restores_to_the_same_hash() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).await?;
        fill(&etcd, 3).await?;
        let mut client = etcd.client().await?;
        client.delete("filler/0", None).await?;
        client.put("last", "value", None).await?;

        let cluster = cluster(&etcd)?;
        let choice = chosen(&cluster).await?;
        ensure!(choice.is_leader && !choice.degraded, "{choice:?}");
        ensure!(choice.version.starts_with(&version.to_string()), "{choice:?}");
        assert_eq!(choice.member_name, "m0");
        let revision = cluster.linearizable_revision(&choice.endpoint).await?;
        let stream = cluster.snapshot(&choice.endpoint).await?;
        assert_eq!(stream.storage_version().is_some(), version != Version::V3_5);
        let total = stream.total_bytes();
        assert_eq!(total % 512, 32);
        let path = etcd.folder().join("snapshot.db");
        assert_eq!(save(stream, &path).await?, total);

        // etcdutl checks the trailer when it restores.
        let restored = Etcd::start(version).restored_from(&path).await?;
        let restored = super::cluster(&restored).map(|cluster| (cluster, restored))?;
        let before = cluster.hash_kv(&choice.endpoint, revision).await?;
        let after = restored.0.hash_kv(&restored.1.endpoints()[0], revision).await?;
        assert_eq!(before, after, "etcd {version}");
        assert_eq!(before.revision, revision);
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_idled_is_used_again() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let cluster = cluster(&etcd)?;
    let endpoint = &etcd.endpoints()[0];
    let first = cluster.linearizable_revision(endpoint).await?;
    etcd.member(0).stop().await?;
    etcd.member(0).start().await?;
    // The first request after a break may meet the broken connection; it must not take more than one.
    let again = harness::wait::until_ok(
        "the member to be reached again",
        Duration::from_secs(10),
        async || Ok(cluster.linearizable_revision(endpoint).await?),
    );
    assert_eq!(again.await?, first);
    Ok(())
}
