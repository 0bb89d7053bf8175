//! `etcd-backup restore` of snapshots that are kept in the tree: every flag, every code it ends with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Result, ensure};
use harness::wait;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::{SOON, done, entries, failed, output, program, terminate, text};
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

#[tokio::test]
async fn what_cannot_be_restored_ends_with_the_code_and_the_way_out_that_the_help_names() -> Result<()> {
    let world = World::new("3.7.1")?;
    let snapshot = fs::read(&world.snapshot)?;
    let database = world.file("db", &snapshot[..snapshot.len() - 32])?;
    let cut = world.file("cut.db", &snapshot[..snapshot.len() / 2])?;
    let zstd = world.file(
        "snapshot.db.zst",
        &[&b"\x28\xb5\x2f\xfd"[..], &snapshot[..9000]].concat(),
    )?;
    let age = world.file(
        "snapshot.db.age",
        &[&b"age-encryption.org/v1\n"[..], &snapshot[..9000]].concat(),
    )?;
    let full = world.path("full");
    fs::create_dir_all(full.join("member"))?;
    let folder = world.folder.path();
    let inside = world.path("new/wal").display().to_string();
    for (source, flags, code, words) in [
        (
            &*world.snapshot,
            &["--target-version", "3.6"][..],
            2,
            "etcd 3.6 cannot read",
        ),
        (&world.snapshot, &["--revision", "1"], 2, "from 60 to 154"),
        (
            &world.snapshot,
            &["--bump-revision", "18446744073709551615"],
            2,
            "cannot be raised",
        ),
        (
            &world.snapshot,
            &["--bump-revision", "9223372036854775000"],
            2,
            "half of all revisions",
        ),
        (&world.snapshot, &["--name", "other"], 2, "--name and --member"),
        (&world.snapshot, &["--wal-dir", &inside], 2, "move `member/wal`"),
        (&zstd, &[], 2, "zstd -d"),
        (&age, &[], 2, "age -d -i KEY"),
        (folder, &[], 2, "file:///"),
        (&database, &[], 4, "--skip-hash-check"),
        (&cut, &[], 4, "truncated"),
        (&world.path("missing"), &[], 5, "No such file"),
    ] {
        let said = failed(&mut world.restore(source, "new", flags)?, code).await;
        let said = said.with_context(|| format!("{} {flags:?}", source.display()))?;
        ensure!(said.contains(words), "{}: {said}", source.display());
        ensure!(!world.path("new").exists(), "{}", source.display());
    }
    let said = failed(&mut world.restore(&world.snapshot, "full", &[])?, 5).await?;
    ensure!(said.contains("--replace"), "{said}");
    ensure!(!full.join("member/snap").exists());

    let mut status = program()?;
    status.args(["snapshot", "status"]).arg(&database);
    let said = failed(&mut status, 4).await?;
    ensure!(said.contains("restore --skip-hash-check"), "{said}");
    let told = world.told(&database, "raw", &["--skip-hash-check"]).await?;
    ensure!(told["warnings"].to_string().contains("was not checked"), "{told}");
    ensure!(world.path("raw/member/snap/db").exists());
    Ok(())
}

#[tokio::test]
async fn a_pipe_by_its_name_is_a_source_and_one_that_falls_silent_keeps_nobody_waiting() -> Result<()> {
    let world = World::new("3.6.14")?;
    let piped = |mut command: Command| {
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().context("start it")
    };
    let source = Path::new("/dev/stdin");
    let mut child = piped(world.restore(source, "whole", &[])?)?;
    let mut stdin = child.stdin.take().context("a pipe")?;
    stdin.write_all(&fs::read(&world.snapshot)?).await?;
    drop(stdin);
    let output = timeout(SOON, child.wait_with_output())
        .await
        .context("it does not end")??;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(world.path("whole/member/snap/db").exists());

    let mut look = program()?;
    let said = failed(look.args(["inspect", "summary", "/dev/zero"]), 2).await?;
    ensure!(said.contains("name a file"), "{said}");

    let child = piped(world.restore(source, "silent", &[])?)?;
    wait::until("the restore to begin", SOON, async || {
        entries(world.folder.path(), "silent.restoring-").is_ok_and(|found| found.len() == 1)
    })
    .await?;
    terminate(&child)?;
    // Its end of the pipe stays open, as of a writer that hangs.
    let output = timeout(SOON, wait_without_closing(child))
        .await
        .context("it goes on")??;
    assert_eq!(output.code(), Some(130));
    assert_eq!(entries(world.folder.path(), "silent")?, [""; 0]);
    Ok(())
}

async fn wait_without_closing(mut child: Child) -> Result<ExitStatus> {
    let stdin = child.stdin.take();
    let status = child.wait().await;
    drop(stdin);
    Ok(status?)
}

#[tokio::test]
async fn packed_files_and_directories_are_named_whatever_verb_is_given_them() -> Result<()> {
    let world = World::new("3.6.14")?;
    let zstd = world.file(
        "snapshot.db.zst",
        &[&b"\x28\xb5\x2f\xfd"[..], &[7; 9000]].concat(),
    )?;
    for verb in [&["verify"][..], &["snapshot", "status"], &["inspect", "summary"]] {
        let said = failed(program()?.args(verb).arg(&zstd), 2).await?;
        ensure!(
            said.contains("zstd -d") && said.contains("file:///"),
            "{verb:?}: {said}"
        );
        let said = failed(program()?.args(verb).arg(world.folder.path()), 2).await?;
        let store = format!("file://{}", world.folder.path().display());
        ensure!(said.contains(&store), "{verb:?}: {said}");
    }
    for verb in [&["verify"][..], &["snapshot", "status"]] {
        let mut command = program()?;
        command
            .args(verb)
            .arg("-")
            .stdin(Stdio::from(fs::File::open(&zstd)?));
        let said = failed(&mut command, 2).await?;
        ensure!(said.contains("zstd -d"), "{verb:?}: {said}");
    }
    Ok(())
}
