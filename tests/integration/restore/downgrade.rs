//! Back to an older release: what cannot be read there is refused, and what etcd's own downgrade prepared is restored.

use std::{fs, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use etcd_backup_snapshot::restore::{
    Control, EtcdVersion, LeftOut, Request, RestoreError, Restored, Source, Target, cluster::InitialCluster,
    restore,
};
use harness::{binaries, etcd::Version, ports, process::Process, scratch, wait};
use tempfile::TempDir;

use super::{
    cluster::Cluster,
    log_of,
    saved::{self, Saved, etcdctl},
};

/// A release with a storage version in its data, and the one before it.
const BACK: [(Version, Version); 2] = [(Version::V3_6, Version::V3_5), (Version::V3_7, Version::V3_6)];

/// etcd looks every few seconds whether a downgrade goes on (`monitorVersionInterval`).
const PATIENCE: Duration = Duration::from_mins(1);

const MEMBER: &str = "m0=http://127.0.0.1:2380";

fn version(of: Version) -> Option<EtcdVersion> {
    EtcdVersion::of(&of.to_string())
}

/// Restores for one member that will run this release.
fn restored_for(
    saved: &Saved,
    target: Option<Version>,
    folder: &TempDir,
) -> Result<Result<Restored, RestoreError>> {
    let member = Target {
        name: "m0".to_owned(),
        data_dir: folder.path().join("m0"),
        wal_dir: None,
    };
    let initial = InitialCluster::parse(MEMBER)?;
    let mut request = Request::new(initial, vec![member], [7; 16]);
    request.target_version = target.and_then(version);
    Ok(restore(Source::File(saved.open()?), &request, Control::default()))
}

#[tokio::test]
async fn data_of_a_newer_release_is_refused_before_anything_is_written() -> Result<()> {
    for (from, to) in BACK {
        let saved = Saved::of(from).await?;
        let folder = scratch::folder("refused")?;
        let error = restored_for(saved, Some(to), &folder)?.err();
        let error = error.with_context(|| format!("{from} was restored for {to}"))?;
        ensure!(error.reason() == "NewerThanTarget", "{from} for {to}: {error}");
        let told = error.to_string();
        ensure!(
            told.contains(&format!("etcd {from}, which etcd {to} cannot read"))
                && told.contains("etcdctl downgrade"),
            "{told}"
        );
        ensure!(
            fs::read_dir(folder.path())?.count() == 0,
            "{from} for {to} left something"
        );
    }
    Ok(())
}

/// What is refused would not run: etcd 3.6 says so itself. (3.5 does not look, and would run on what it half understands.)
#[tokio::test]
async fn etcd_does_not_start_on_what_is_refused() -> Result<()> {
    let saved = Saved::of(Version::V3_7).await?;
    let folder = scratch::folder("newer")?;
    let restored = restored_for(saved, None, &folder)??;
    let mut command = Command::new(binaries::tool(Version::V3_6.set(), "etcd")?);
    command.args(["--name", "m0", "--initial-cluster", MEMBER]);
    command.args(["--initial-cluster-token", &restored.token]);
    command.arg("--data-dir").arg(&restored.members[0].data_dir);
    let client = format!("http://127.0.0.1:{}", ports::free()?);
    command.args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
    ]);
    let peer = format!("http://127.0.0.1:{}", ports::free()?);
    command.args(["--listen-peer-urls", &peer]);
    let log = log_of(folder.path(), "m0");
    let mut etcd = Process::start("m0", &mut command, &log)?;
    let ended = async || etcd.ended().is_some();
    wait::until("etcd 3.6 to give up on the data of 3.7", PATIENCE, ended).await?;
    let log = fs::read_to_string(log)?;
    ensure!(log.contains("is not supported"), "{log}");
    Ok(())
}

/// Has etcd prepare its data for the release before, and saves it once that is done.
async fn prepared(from: Version, to: Version) -> Result<Saved> {
    let etcd = saved::start(from).await?;
    let older = saved::fill(&etcd).await?;
    etcdctl(&etcd, &["downgrade", "enable", &to.to_string()])?;
    let what = format!("the data of {from} to be readable by {to}");
    wait::until_ok(what, PATIENCE, async || {
        let saved = Saved::take(&etcd, older.clone()).await?;
        let folder = scratch::folder("prepared")?;
        restored_for(&saved, Some(to), &folder)??;
        Ok(saved)
    })
    .await
}

#[tokio::test]
async fn a_snapshot_taken_after_etcds_own_downgrade_runs_on_the_release_before() -> Result<()> {
    for (from, to) in BACK {
        let saved = prepared(from, to).await?;
        for members in [1, 3] {
            let mut cluster = Cluster::start(&saved, to, members, |request| {
                request.bump_revision = 0;
                request.target_version = version(to);
            })
            .await?;
            // 3.5 would not start with it, unless it were the very release that it leads to.
            let pending = |left: &LeftOut| matches!(left, LeftOut::Downgrade { target } if target.starts_with(&to.to_string()));
            ensure!(
                cluster.restored.left_out.iter().any(pending),
                "{from} for {to}: {:?}",
                cluster.restored.left_out
            );
            let expected = (saved.now.revision, saved.now.hash);
            cluster.ensure_hashes(expected, &format!("from {from}")).await?;
            cluster.crash().await?;
            cluster.ensure_hashes(expected, "after a crash").await?;
            cluster.ensure_grows(&saved).await?;
        }
    }
    Ok(())
}
