//! `etcd-backup restore` of snapshots that are kept in the tree: every flag that changes what is made.

mod piped;
mod refused;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::{done, failed, output, program, text};
use crate::fixtures;

const THREE: &str = "m0=http://10.0.0.1:2380,m1=http://10.0.0.2:2380,m2=http://10.0.0.3:2380";

/// A snapshot, and room for what is made of it.
struct World {
    folder: TempDir,
    snapshot: PathBuf,
}

impl World {
    fn new(version: &str) -> Result<Self> {
        let folder = harness::scratch::folder("restoring")?;
        let snapshot = folder.path().join("backup.db");
        fixtures::unpack(&fixtures::of(version), &snapshot)?;
        Ok(Self { folder, snapshot })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with other bytes than the snapshot's.
    fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// `restore` into a directory.
    fn restore(&self, source: &Path, into: &str, flags: &[&str]) -> Result<Command> {
        let mut command = program()?;
        command.arg("restore").arg(source).args(flags);
        command.arg("--data-dir").arg(self.path(into));
        Ok(command)
    }

    /// What it says in JSON.
    async fn told(&self, source: &Path, into: &str, flags: &[&str]) -> Result<Value> {
        let mut command = self.restore(source, into, flags)?;
        Ok(serde_json::from_str(&done(command.args(["-o", "json"])).await?)?)
    }

    /// One of three members, as a machine of its own restores it.
    async fn member(&self, name: &str, into: &str, flags: &[&str]) -> Result<Value> {
        let flags = [flags, &["--name", name, "--initial-cluster", THREE]].concat();
        self.told(&self.snapshot, into, &flags).await
    }
}

#[tokio::test]
async fn every_flag_that_changes_data_reaches_the_engine_and_the_result_is_told_as_json() -> Result<()> {
    let world = World::new("3.6.14")?;
    let plain = world.told(&world.snapshot, "plain", &[]).await?;
    assert_eq!(plain["revision"], 1_000_000_154_i64, "{plain}");
    assert_eq!(plain["bumpedBy"], 1_000_000_000, "{plain}");
    assert_eq!(plain["hashKV"]["revision"], plain["revision"], "{plain}");
    ensure!(text(&plain, "/initialClusterToken")?.starts_with("etcd-restore-"));
    assert_eq!(text(&plain, "/initialCluster")?, "default=http://localhost:2380");
    let member = &plain["members"][0];
    assert_eq!(text(member, "/name")?, "default");
    assert_eq!(Path::new(text(member, "/dataDir")?), world.path("plain"));
    ensure!(world.path("plain/member/snap/db").exists());

    let flags = [
        "--bump-revision",
        "0",
        "--mark-compacted=false",
        "--revision",
        "100",
        "--missing-lease-ttl",
        "60",
        "--target-version",
        "3.6",
        "--alarms",
        "drop",
        "--initial-cluster-token",
        "tok",
    ];
    let back = world.told(&world.snapshot, "back", &flags).await?;
    assert_eq!(back["revision"], 100, "{back}");
    assert_eq!(back["bumpedBy"], 0, "{back}");
    assert_eq!(text(&back, "/initialClusterToken")?, "tok");
    let left_out = back["leftOut"].to_string();
    ensure!(left_out.contains("after revision 100"), "{left_out}");
    ensure!(
        back["warnings"].to_string().contains("revisions were kept"),
        "{back}"
    );

    // The names that etcdutl has.
    let mut theirs = program()?;
    theirs.args(["snapshot", "restore"]).arg(&world.snapshot);
    theirs.arg("--data-dir").arg(world.path("theirs"));
    theirs.args(["--wal-dir", "", "--skip-hash-check=false"]);
    theirs.args(["--bump-revision", "0", "--initial-cluster-token", "tok"]);
    done(&mut theirs).await?;
    ensure!(world.path("theirs/member/snap/db").exists());
    Ok(())
}

#[tokio::test]
async fn machines_that_restore_a_member_each_agree_unless_one_was_told_something_else() -> Result<()> {
    let world = World::new("3.6.14")?;
    let first = world.member("m0", "m0", &[]).await?;
    let second = world.member("m1", "m1", &[]).await?;
    for same in ["/clusterID", "/initialClusterToken"] {
        assert_eq!(text(&first, same)?, text(&second, same)?, "{same}");
    }
    for (index, other) in [
        &["--bump-revision", "100000000"][..],
        &["--revision", "100"],
        &["--alarms", "keep"],
    ]
    .into_iter()
    .enumerate()
    {
        let third = world.member("m2", &format!("m2-{index}"), other).await?;
        assert_ne!(
            text(&first, "/clusterID")?,
            text(&third, "/clusterID")?,
            "{other:?}"
        );
    }
    // Nothing tells a file that nobody checks.
    let flags = ["--skip-hash-check", "--name", "m2", "--initial-cluster", THREE];
    let said = failed(&mut world.restore(&world.snapshot, "unchecked", &flags)?, 2).await?;
    ensure!(
        said.contains("--skip-hash-check") && said.contains("--initial-cluster-token"),
        "{said}"
    );
    let given = [&flags[..], &["--initial-cluster-token", "t"]].concat();
    done(&mut world.restore(&world.snapshot, "unchecked", &given)?).await?;
    Ok(())
}

#[tokio::test]
async fn the_token_is_told_before_the_snapshot_is_proved() -> Result<()> {
    let world = World::new("3.6.14")?;
    let mut bytes = fs::read(&world.snapshot)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = world.file("damaged.db", &bytes)?;
    let flags = [
        "--name",
        "m0",
        "--initial-cluster",
        THREE,
        "--initial-cluster-token",
        "tok-1",
    ];
    let said = output(&mut world.restore(&damaged, "m0", &flags)?).await?;
    let errors = String::from_utf8(said.stderr)?;
    ensure!(said.status.code() == Some(4), "{errors}");
    let (before, after) = errors.split_once("Error: ").context("an error")?;
    ensure!(
        before.contains("token is tok-1") && before.contains("1 of 3 members"),
        "{errors}"
    );
    ensure!(!after.contains("token"), "{errors}");
    ensure!(!world.path("m0").exists());
    Ok(())
}
