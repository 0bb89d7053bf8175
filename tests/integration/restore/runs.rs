//! What a restored cluster answers.

use anyhow::{Context, Result, ensure};
use etcd_backup_snapshot::restore::{Control, Request, Source, Target, cluster::InitialCluster, restore};
use etcd_client::WatchOptions;
use harness::{etcd::Version, etcdutl, scratch};

use super::{Saved, cluster::Cluster};

/// Snapshots and what runs on them: each release its own, and the next minor one.
const PAIRS: [(Version, Version); 7] = [
    (Version::V3_4, Version::V3_4),
    (Version::V3_4, Version::V3_5),
    (Version::V3_5, Version::V3_5),
    (Version::V3_5, Version::V3_6),
    (Version::V3_6, Version::V3_6),
    (Version::V3_6, Version::V3_7),
    (Version::V3_7, Version::V3_7),
];

#[tokio::test]
async fn every_release_starts_on_its_own_and_the_last_ones_data_and_answers_with_the_same_hash() -> Result<()>
{
    for (from, to) in PAIRS {
        let saved = Saved::of(from).await?;
        for members in [1, 3] {
            let mut cluster =
                Cluster::start(&saved, to, members, |request| request.bump_revision = 0).await?;
            let expected = (saved.revision, saved.hash);
            let ours = cluster.restored.hash_kv.context("no HashKV")?;
            assert_eq!((ours.revision, ours.hash), expected, "{from}");
            cluster.ensure_hashes(expected, &format!("from {from}")).await?;
            cluster.crash().await?;
            cluster.ensure_hashes(expected, "after a crash").await?;
            cluster.defragment()?;
            cluster.ensure_hashes(expected, "defragmented").await?;
            cluster.ensure_grows(&saved).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn going_back_gives_what_the_live_member_had_then() -> Result<()> {
    for version in Version::ALL {
        let saved = Saved::of(version).await?;
        let (revision, hash) = saved.older;
        let cluster = Cluster::start(&saved, version, 1, |request| {
            request.revision = Some(revision);
            request.bump_revision = 0;
        })
        .await?;
        assert_eq!(cluster.restored.revision, revision);
        cluster.ensure_hashes((revision, hash), "gone back").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_raised_revision_ends_old_watches_and_gives_the_hash_that_was_foretold() -> Result<()> {
    for version in Version::ALL {
        let saved = Saved::of(version).await?;
        let mut cluster = Cluster::start(&saved, version, 3, |_| {}).await?;
        let revision = saved.revision + 1_000_000_000;
        assert_eq!(cluster.restored.revision, revision);
        let ours = cluster.restored.hash_kv.context("no HashKV")?;
        cluster.ensure_hashes((revision, ours.hash), "raised").await?;
        cluster.crash().await?;
        cluster
            .ensure_hashes((revision, ours.hash), "after a crash")
            .await?;
        assert_eq!(cluster.keys(1).await?, saved.keys, "{version}");

        let mut client = cluster.client(0).await?;
        let from = WatchOptions::new().with_start_revision(saved.revision);
        let mut watch = client.watch("key-1", Some(from)).await?;
        let answer = loop {
            let answer = watch.message().await?.context("the watch ended")?;
            if answer.canceled() {
                break answer;
            }
        };
        assert_eq!(answer.compact_revision(), revision, "{version}");
        let put = client.put("key-1", "new", None).await?;
        assert_eq!(
            put.header().context("no header")?.revision(),
            revision + 1,
            "{version}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_member_that_joins_later_receives_everything() -> Result<()> {
    for version in Version::ALL {
        let saved = Saved::of(version).await?;
        let mut cluster = Cluster::start(&saved, version, 1, |request| request.bump_revision = 0).await?;
        cluster.grow().await?;
        assert_eq!(cluster.keys(1).await?, saved.keys, "{version}");
        let expected = (saved.revision, saved.hash);
        cluster
            .ensure_hashes(expected, "with a member that joined")
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn etcdutl_reads_what_was_written_and_finds_nothing_wrong() -> Result<()> {
    for version in Version::ALL {
        let saved = Saved::of(version).await?;
        let folder = scratch::folder("restored")?;
        let target = Target {
            name: "m0".to_owned(),
            data_dir: folder.path().join("m0"),
            wal_dir: None,
        };
        let initial = InitialCluster::parse("m0=http://127.0.0.1:2380")?;
        let mut request = Request::new(initial, vec![target], [1; 16]);
        request.bump_revision = 0;
        restore(Source::File(saved.open()?), &request, Control::default())?;
        let database = folder.path().join("m0/member/snap/db");
        // It checks the structure as bbolt does (`Tx.Check`) before it counts anything.
        let status = etcdutl::status(version, &database)?;
        ensure!(status.revision == saved.revision, "{version}: {status:?}");
    }
    Ok(())
}
