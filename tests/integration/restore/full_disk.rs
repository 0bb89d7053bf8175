//! A disk that is really full: a small tmpfs, mounted where nobody else sees it.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    scratch,
};
use tempfile::TempDir;
use tokio::time::timeout;

use super::program::{large_snapshot, old_directory, program, same};
use crate::fixtures;

/// Mounts the disk, runs the command there, and copies everything out that is on the disk then: the mount ends with the
/// namespace. `$1` is the mount point, `$2` its options, `$3` what is on it before, `$4` where it is copied to, then the
/// command. 42 says that it is the disk which could not be had.
const SCRIPT: &str = r#"
disk=$1; options=$2; before=$3; after=$4; shift 4
mount -t tmpfs -o "$options" tmpfs "$disk" && cp -a "$before/." "$disk/" || exit 42
"$@"; code=$?
cp -a "$disk/." "$after/"
exit "$code"
"#;

/// Longer than any restore here takes.
const SOON: Duration = Duration::from_mins(1);

/// A disk of its own, with an old data directory `m0.etcd` on it.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Result<Self> {
        let folder = scratch::folder("disk")?;
        for name in ["disk", "before", "after", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        old_directory(&folder.path().join("before/m0.etcd"))?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the data directory is, for a command that runs on the disk.
    fn target(&self) -> PathBuf {
        self.path("disk/m0.etcd")
    }

    /// Runs a command that must fail, with the disk mounted. Gives what it says.
    async fn fails(&self, options: &str, command: &mut Command) -> Result<String> {
        let output = self.run(options, command).await?;
        let said = String::from_utf8(output.stderr)?;
        ensure!(
            output.status.code() == Some(5),
            "it ended with {}: {said}",
            output.status
        );
        ensure!(said.starts_with("Error: "), "{said}");
        Ok(said)
    }

    /// Runs a command that must restore to it, with the disk mounted.
    async fn is_restored_to(&self, options: &str, command: &mut Command) -> Result<()> {
        let output = self.run(options, command).await?;
        ensure!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(self.path("after/m0.etcd/member/snap/db").exists());
        Ok(())
    }

    async fn run(&self, options: &str, command: &mut Command) -> Result<Output> {
        let mut inside = Command::new("unshare");
        inside.args(["--user", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh"]);
        inside.arg(self.path("disk")).arg(options);
        inside.arg(self.path("before")).arg(self.path("after"));
        inside.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        let mut inside = tokio::process::Command::from(inside);
        let output = timeout(SOON, inside.kill_on_drop(true).output());
        let output = output
            .await
            .context("it does not end")?
            .context("start unshare (Debian: apt-get install util-linux)")?;
        ensure!(
            output.status.code() != Some(42) && !output.stderr.starts_with(b"unshare: "),
            "no disk could be mounted in a namespace of its own: {}. Run the tests as root, or allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(output)
    }

    /// On the disk is what was there before, and nothing else.
    fn is_untouched(&self) -> Result<()> {
        let entries = fs::read_dir(self.path("after"))?;
        let names = entries
            .map(|entry| Ok(entry?.file_name()))
            .collect::<Result<Vec<_>>>()?;
        ensure!(names == ["m0.etcd"], "{names:?} are on the disk");
        ensure!(
            same(&self.path("before/m0.etcd"), &self.path("after/m0.etcd"))?,
            "the old directory is another one now"
        );
        Ok(())
    }
}

/// A restore that replaces the directory on the disk.
fn restore(source: &str, disk: &Disk) -> Result<Command> {
    let mut command = program()?;
    command.args(["restore", source, "--replace", "--data-dir"]);
    command.arg(disk.target());
    Ok(command)
}

/// The same from a pipe, so that nobody knows its size beforehand.
fn restore_from_pipe(snapshot: &Path, disk: &Disk) -> Result<Command> {
    let restore = restore("-", disk)?;
    let script = disk.path("restore.sh");
    fs::write(&script, "#!/bin/sh\nsource=$1; shift; exec \"$@\" <\"$source\"\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(script);
    command
        .arg(snapshot)
        .arg(restore.get_program())
        .args(restore.get_args());
    for (name, value) in restore.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ok(command)
}

/// Otherwise the volume would be mounted over the new directory when the machine starts again.
#[tokio::test]
async fn a_data_directory_with_a_volume_mounted_in_it_is_refused() -> Result<()> {
    let disk = Disk::new()?;
    let snapshot = disk.path("snapshot.db");
    fixtures::unpack(&fixtures::of("3.6.14"), &snapshot)?;
    let restore = restore(snapshot.to_str().context("a path")?, &disk)?;
    let script = disk.path("mounted.sh");
    fs::write(
        &script,
        "#!/bin/sh\nwal=$1/member/wal; shift\nmount --bind \"$wal\" \"$wal\" || exit 42\n\"$@\"; code=$?\numount \"$wal\"; exit $code\n",
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(script);
    command
        .arg(disk.target())
        .arg(restore.get_program())
        .args(restore.get_args());
    let said = disk.fails("size=100m", &mut command).await?;
    ensure!(said.contains("a volume is mounted in it"), "{said}");
    disk.is_untouched()
}

#[tokio::test]
async fn a_disk_without_room_is_told_before_anything_is_written() -> Result<()> {
    let snapshots = scratch::folder("large")?;
    let snapshot = large_snapshot(snapshots.path()).await?;
    let disk = Disk::new()?;
    let source = snapshot.to_str().context("a path")?;
    let said = disk.fails("size=100m", &mut restore(source, &disk)?).await?;
    let needed = fs::metadata(&snapshot)?.len() + 64_000_000;
    ensure!(
        said.contains(&format!("{} has ", disk.path("disk").display()))
            && said.contains(&format!("bytes free, and {needed} are needed")),
        "{said}"
    );
    disk.is_untouched()
}

#[tokio::test]
async fn a_disk_that_fills_up_on_the_way_is_told_by_file_and_keeps_nothing_but_what_was_there() -> Result<()>
{
    let snapshots = scratch::folder("large")?;
    let snapshot = large_snapshot(snapshots.path()).await?;
    let kept = fs::metadata(&snapshot)?.len();
    let sizes = [kept + 30_000_000, 100_000_000].map(|bytes| format!("size={bytes}"));
    // What comes from a pipe is kept first, then comes the database (40 MB), for which the first is given back, then the log
    // (64 MB) when the first is gone altogether. An inode is what each file and directory takes, the disk's own and those of the old one too.
    for (options, file) in [
        (&*sizes[0], "wal/0000000000000000-0000000000000000.wal"),
        (&*sizes[1], "wal/0000000000000000-0000000000000000.wal"),
        ("size=300m,nr_inodes=8", "member"),
        ("size=300m,nr_inodes=11", "snapshot.received"),
        ("size=300m,nr_inodes=12", "snap/db"),
        (
            "size=300m,nr_inodes=13",
            "snap/0000000000000001-0000000000000001.snap",
        ),
    ] {
        let disk = Disk::new()?;
        let said = disk
            .fails(options, &mut restore_from_pipe(&snapshot, &disk)?)
            .await
            .with_context(|| options.to_owned())?;
        let place = format!("{}.restoring-", disk.target().display());
        ensure!(
            said.contains(&place)
                && said.contains(&format!("{file}: "))
                && said.contains("No space left on device"),
            "{options}: {said}"
        );
        disk.is_untouched().with_context(|| options.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn the_same_disk_with_just_enough_room_is_restored_to() -> Result<()> {
    let snapshots = scratch::folder("large")?;
    let snapshot = large_snapshot(snapshots.path()).await?;
    let disk = Disk::new()?;
    let source = snapshot.to_str().context("a path")?;
    // And a little for the old directory and what is small.
    let enough = fs::metadata(&snapshot)?.len() + 64_000_000 + 100_000;
    let options = format!("size={enough}");
    disk.is_restored_to(&options, &mut restore(source, &disk)?).await
}

#[tokio::test]
async fn a_disk_with_room_for_little_more_than_one_copy_takes_a_snapshot_from_a_pipe() -> Result<()> {
    let snapshots = scratch::folder("large")?;
    let snapshot = large_snapshot(snapshots.path()).await?;
    let disk = Disk::new()?;
    let enough = fs::metadata(&snapshot)?.len() * 6 / 5;
    let mut command = restore_from_pipe(&snapshot, &disk)?;
    command.arg("--wal-dir").arg(disk.path("tmp/wal"));
    disk.is_restored_to(&format!("size={enough}"), &mut command).await
}

#[tokio::test]
async fn a_backup_that_finds_no_room_among_temporary_files_is_told_where_and_what_to_do() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.client()
        .await?
        .put("key", vec![b'a'; 1_000_000], None)
        .await?;
    let store = scratch::folder("store")?;
    let url = format!("file://{}", store.path().display());
    let mut save = program()?;
    save.args(["snapshot", "save", &url, "--plan", "prod/main"]);
    let saved = save.args(["--endpoints", &etcd.endpoints().join(",")]).output()?;
    ensure!(
        saved.status.success(),
        "{}",
        String::from_utf8_lossy(&saved.stderr)
    );
    let disk = Disk::new()?;
    let mut inspect = program()?;
    inspect
        .args(["inspect", "summary", &url])
        .env("TMPDIR", disk.path("disk"));
    let said = disk.fails("size=64k", &mut inspect).await?;
    ensure!(
        said.contains(&format!("in {}: No space left", disk.path("disk").display()))
            && said.contains("Hint: let TMPDIR name a directory with room"),
        "{said}"
    );
    disk.is_untouched()
}
