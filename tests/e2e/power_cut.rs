//! Power that fails the moment a command has said that it is done: what it said is on the disk.
//!
//! The disk is an ext4 in a file. What is in that file, while the disk is still mounted, is what had reached the disk. A copy
//! of it, mounted, is the disk after the power came back.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use harness::{
    binaries,
    etcd::{Etcd, Version},
    scratch,
};
use tempfile::TempDir;

/// Mounts the disk below `$1`, with what is in `before` on it, runs the command that follows, and mounts the copy. The mounts
/// end with the namespace, and their devices with them. What the copy has besides was removed, and is no loss. The kernel writes by itself after five seconds at the earliest
/// (ext4(5), `commit`): here after minutes.
const SCRIPT: &str = r#"
folder=$1; shift
truncate -s 768M "$folder/disk.img" && mkfs.ext4 -q -F "$folder/disk.img" || exit 42
mount -o loop,commit=300 "$folder/disk.img" "$folder/disk" || exit 42
cp -a "$folder/before/." "$folder/disk/" && sync -f "$folder/disk" || exit 42
"$@" || exit 43
cp --sparse=always "$folder/disk.img" "$folder/cut.img" && mount -o loop "$folder/cut.img" "$folder/cut" || exit 42
lost=$(diff -r "$folder/disk" "$folder/cut" | grep -v "^Only in $folder/cut")
[ -z "$lost" ] || { echo "$lost"; exit 44; }
"#;

/// A folder with the mount points.
struct Disk(TempDir);

impl Disk {
    fn new() -> Result<Self> {
        let folder = scratch::folder("power")?;
        for name in ["disk", "before", "cut"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command, cuts the power, and compares. The command says nothing that is not on the disk.
    fn survives(&self, command: &Command) -> Result<()> {
        let mut inside = Command::new("unshare");
        inside
            .args(["--mount", "sh", "-c", SCRIPT, "sh"])
            .arg(self.0.path());
        inside.arg(command.get_program()).args(command.get_args());
        let output = inside.output().context("start unshare")?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let why = match output.status.code() {
            Some(0) => return Ok(()),
            Some(42) => "no disk could be had (mkfs.ext4 is of e2fsprogs, and mount needs loop devices)",
            Some(43) => "the command failed",
            Some(44) => "something was lost with the power",
            _ => "it ended in an unknown way",
        };
        anyhow::bail!("{command:?}: {why}: {said}")
    }
}

fn program(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binaries::etcd_backup()?);
    command.args(arguments);
    Ok(command)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is text")
}

/// A restore into a directory that is not there, and one in place of an old one, whose log has a directory of its own.
pub(super) fn of_restores() -> Result<()> {
    let snapshots = scratch::folder("snapshot")?;
    let snapshot = snapshots.path().join("snapshot.db");
    let packed = File::open(binaries::root().join("tests/fixtures/etcd/3.6.14/snapshot.db.gz"))?;
    io::copy(&mut GzDecoder::new(packed), &mut File::create(&snapshot)?)?;
    for replace in [false, true] {
        let disk = Disk::new()?;
        let (data, log) = (disk.path("disk/m0.etcd"), disk.path("disk/m0.wal"));
        let mut restore = program(&["restore", text(&snapshot)?, "--data-dir", text(&data)?])?;
        if replace {
            fs::create_dir_all(disk.path("before/m0.etcd/member/snap"))?;
            fs::write(disk.path("before/m0.etcd/member/snap/db"), "old")?;
            restore.args(["--replace", "--wal-dir", text(&log)?]);
        }
        disk.survives(&restore)?;
    }
    Ok(())
}

/// A snapshot in a file, and one with its manifest in a store that is a directory.
pub(super) async fn of_saves() -> Result<()> {
    // Inside the rig's network it is the node that brings it up, which this case does not start.
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    ensure!(up.context("start ip")?.success(), "loopback cannot be had");
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.client()
        .await?
        .put("greeting", vec![b'x'; 1 << 20], None)
        .await?;
    let endpoint = etcd.member(0).endpoint();
    let disk = Disk::new()?;
    let file = disk.path("disk/backup.db");
    disk.survives(&program(&[
        "snapshot",
        "save",
        text(&file)?,
        "--endpoints",
        &endpoint,
    ])?)?;
    let disk = Disk::new()?;
    let store = format!("file://{}", disk.path("disk").display());
    let save = program(&[
        "snapshot",
        "save",
        &store,
        "--plan",
        "a/b",
        "--endpoints",
        &endpoint,
    ])?;
    disk.survives(&save)
}

/// The copy does lack what nobody brought to the disk: else the others prove nothing.
pub(super) fn without_syncing() -> Result<()> {
    let disk = Disk::new()?;
    let file = disk.path("disk/file");
    let mut command = Command::new("sh");
    command.args(["-c", "echo lost > \"$1\"", "sh"]).arg(file);
    let error = disk.survives(&command).err().context("nothing was lost")?;
    ensure!(format!("{error:#}").contains("lost with the power"), "{error:#}");
    Ok(())
}
