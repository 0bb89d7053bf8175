//! etcd's own offline tool: the judge of what we wrote.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{binaries, etcd::Version};

/// What `etcdutl snapshot status --write-out json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// CRC-32C over the buckets' names, keys and values.
    pub hash: u32,
    /// The newest revision in the key space.
    pub revision: i64,
    /// Counted as this release counts: 3.5 counts entries of every bucket, 3.6 revisions of keys.
    pub total_key: u64,
    /// Bytes of the database in use.
    pub total_size: u64,
    /// The storage version; from 3.6 on.
    #[serde(default)]
    pub version: String,
}

/// Where a restored member belongs.
#[derive(Debug, Clone)]
pub struct Membership<'a> {
    /// The member's name.
    pub name: &'a str,
    /// `name=url` of every member, separated by commas.
    pub initial_cluster: &'a str,
    /// Distinguishes clusters with the same members.
    pub token: &'a str,
    /// The member's own peer URL.
    pub peer_url: &'a str,
}

/// Reads a snapshot file's status.
pub fn status(version: Version, snapshot: &Path) -> Result<Status> {
    let mut command = Command::new(binaries::tool(version.set(), "etcdutl")?);
    command
        .args(["snapshot", "status", "--write-out", "json"])
        .arg(snapshot);
    serde_json::from_str(&run(&mut command)?).context("read etcdutl's answer")
}

/// Restores a snapshot file into a new data directory.
pub fn restore(version: Version, snapshot: &Path, data: &Path, member: &Membership<'_>) -> Result<()> {
    let mut command = Command::new(binaries::tool(version.set(), "etcdutl")?);
    command
        .args(["snapshot", "restore"])
        .arg(snapshot)
        .arg("--data-dir")
        .arg(data);
    command.args(flags(member));
    run(&mut command).map(drop)
}

/// How a member is told to whatever restores it.
pub(crate) fn flags<'a>(member: &Membership<'a>) -> [&'a str; 8] {
    [
        "--name",
        member.name,
        "--initial-cluster",
        member.initial_cluster,
        "--initial-cluster-token",
        member.token,
        "--initial-advertise-peer-urls",
        member.peer_url,
    ]
}

/// The hash of all revisions of all keys of a database that nobody has open, computed by etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HashKv {
    /// CRC-32C.
    pub hash: u32,
    /// Up to this revision, the database's last.
    pub hash_revision: i64,
    /// What had been compacted.
    pub compact_revision: i64,
}

/// Computes a database's HashKV. That of 3.7, whatever release the data is of: older ones do not have it, or panic when keys
/// have leases.
pub fn hash_kv(database: &Path) -> Result<HashKv> {
    let mut command = Command::new(binaries::tool(Version::V3_7.set(), "etcdutl")?);
    command.args(["hashkv", "--write-out", "json"]).arg(database);
    serde_json::from_str(&run(&mut command)?).context("read etcdutl's answer")
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().context("start etcdutl")?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    String::from_utf8(output.stdout).context("etcdutl's answer is no text")
}
