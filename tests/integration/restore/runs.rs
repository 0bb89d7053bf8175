//! What a restored cluster answers: every pair of releases, with one member and with three, is asked everything.

use anyhow::{Context, Result, ensure};
use etcd_backup_snapshot::restore::{
    Alarms, Control, Request, Source, Target, cluster::InitialCluster, restore,
};
use futures::{StreamExt, TryStreamExt, stream};
use harness::{etcd::Version, etcdutl, scratch};

use super::{
    cluster::Cluster,
    saved::{At, Saved},
};

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

/// So many clusters of one test live at once: mostly they wait, and the longest of these tests would else be what all others have
/// ended before.
const AT_ONCE: usize = 4;

/// Asks a cluster of each pair and size.
async fn of_each(ask: impl AsyncFn(&'static Saved, Version, usize) -> Result<()>) -> Result<()> {
    let cases = PAIRS.into_iter().flat_map(|pair| [(pair, 1), (pair, 3)]);
    let asked = cases.map(|((from, to), members)| {
        let ask = &ask;
        async move {
            let what = || format!("{members} members of {to} on what {from} saved");
            ask(Saved::of(from).await?, to, members).await.with_context(what)
        }
    });
    stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await
}

#[tokio::test]
async fn every_release_starts_on_its_own_and_the_last_ones_data_and_holds_all_of_it_whatever_happens()
-> Result<()> {
    of_each(async |saved, to, members| {
        let mut cluster = Cluster::start(saved, to, members, |request| request.bump_revision = 0).await?;
        let expected = &saved.now;
        let ours = cluster.restored.hash_kv.context("no HashKV")?;
        assert_eq!((ours.revision, ours.hash), (expected.revision, expected.hash));
        cluster.ensure_holds(expected, "restored").await?;
        // NOSPACE is left out. CORRUPT stays until somebody has looked.
        let (corrupt, member) = saved.alarms.get_key_value("CORRUPT").context("an alarm")?;
        cluster.ensure_alarms(&[(*corrupt, *member)]).await?;
        cluster.ensure_refuses("corrupt cluster").await?;
        cluster.disarm().await?;
        cluster.ensure_grows(saved).await?;

        let joined = cluster.grow().await?;
        cluster.ensure_guarded(joined).await?;
        cluster
            .ensure_holds(expected, "with a member that joined")
            .await?;
        cluster.crash().await?;
        cluster.ensure_holds(expected, "after a crash").await?;
        cluster.defragment()?;
        cluster.ensure_holds(expected, "defragmented").await?;
        cluster.ensure_counts(joined, saved.keys() + 1).await?;
        cluster.end_and_check()
    })
    .await
}

#[tokio::test]
async fn going_back_gives_what_the_live_member_had_then() -> Result<()> {
    /// Not the default.
    const MISSING: i64 = 1200;
    of_each(async |saved, to, members| {
        let expected = saved.gone_back(MISSING);
        let cluster = Cluster::start(saved, to, members, |request| {
            request.revision = Some(expected.revision);
            request.bump_revision = 0;
            request.missing_lease_ttl = MISSING;
            request.alarms = Alarms::Keep;
        })
        .await?;
        assert_eq!(cluster.restored.revision, expected.revision);
        cluster.ensure_holds(&expected, "gone back").await?;
        let alarms: Vec<_> = saved
            .alarms
            .iter()
            .map(|(name, member)| (*name, *member))
            .collect();
        ensure!(alarms.len() == 2, "{alarms:?}");
        cluster.ensure_alarms(&alarms).await?;
        cluster.disarm().await?;
        cluster.ensure_next(expected.revision + 1).await?;
        cluster.end_and_check()
    })
    .await
}

#[tokio::test]
async fn a_raised_revision_ends_old_watches_and_gives_the_hash_that_was_foretold() -> Result<()> {
    of_each(async |saved, to, members| {
        let drop_all = |request: &mut Request| request.alarms = Alarms::Drop;
        let mut cluster = Cluster::start(saved, to, members, drop_all).await?;
        let revision = saved.now.revision + 1_000_000_000;
        assert_eq!(cluster.restored.revision, revision);
        let foretold = cluster.restored.hash_kv.context("no HashKV")?;
        let expected = At {
            revision,
            hash: foretold.hash,
            held: saved.now.held.clone(),
        };
        cluster.ensure_holds(&expected, "raised").await?;
        cluster.ensure_alarms(&[]).await?;
        cluster.ensure_compacted(saved.now.revision, revision).await?;
        cluster.crash().await?;
        cluster.ensure_holds(&expected, "after a crash").await?;
        cluster.ensure_next(revision + 1).await?;
        cluster.end_and_check()
    })
    .await
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
        ensure!(status.revision == saved.now.revision, "{version}: {status:?}");
    }
    Ok(())
}
