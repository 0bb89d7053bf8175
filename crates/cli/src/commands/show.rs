//! `etcd-backup show`

use std::{fmt::Write, iter};

use clap::Args;
use etcd_backup_backup::manifest::{Compression, Encryption, Manifest};

use crate::{
    clock::{self, rfc3339},
    commands::wait,
    exit::Failure,
    output::{Format, json, print, yaml},
    size,
    store::{Choose, Source, StoreFlags},
};

/// Show everything that a backup's manifest says
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Show {
    /// `s3://bucket/prefix` for its newest backup, or the address of one as `list` names it
    #[arg(value_name = "BACKUP")]
    backup: Source,

    #[command(flatten)]
    choose: Choose,

    #[command(flatten)]
    reach: StoreFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup show s3://backups/etcd
  etcd-backup show s3://backups/etcd --plan kube-system/prod --run 20261123T060000Z-abcdefgh -o json";

/// A name and a value.
type Fact = (&'static str, String);

pub(crate) fn run(show: &Show, format: Option<Format>) -> Result<(), Failure> {
    let Source::Backup { store, location } = &show.backup else {
        return Err(show.backup.is_no_backup(
            "only a backup in a store has a manifest",
            "`etcd-backup snapshot status FILE` shows what a file holds",
        ));
    };
    let chosen = wait(show.choose.open(&show.reach, store, location.as_ref()))?;
    let manifest = &chosen.entry.manifest;
    print(&match format {
        Some(Format::Json) => json(manifest)?,
        Some(Format::Yaml) => yaml(manifest)?,
        _ => describe(&chosen.url(), manifest),
    })
}

/// One line a fact, as `kubectl describe`.
fn describe(url: &str, manifest: &Manifest) -> String {
    let mut text = String::new();
    for (name, value) in iter::once(("Backup", url.to_owned()))
        .chain(of_run(manifest))
        .chain(of_data(manifest))
        .chain(of_object(manifest))
    {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<14}{value}", format!("{name}:"));
    }
    text
}

fn of_run(manifest: &Manifest) -> [Fact; 4] {
    let times = &manifest.times;
    let why = match times.scheduled {
        Some(slot) => format!("for the slot {}", rfc3339(slot)),
        None => "on demand".to_owned(),
    };
    let ago = clock::ago(times.started, clock::now());
    let degraded = if manifest.degraded {
        "; DEGRADED: taken without quorum, the newest writes may be missing"
    } else {
        ""
    };
    [
        (
            "Plan",
            format!("{}/{}", manifest.plan.namespace, manifest.plan.name),
        ),
        ("Taken", format!("{} ({ago} ago), {why}", rfc3339(times.started))),
        (
            "Verified",
            format!(
                "{} ({:?}){degraded}",
                rfc3339(manifest.verification.time),
                manifest.verification.level
            ),
        ),
        (
            "Written by",
            format!("{} {}", manifest.tool.name, manifest.tool.version),
        ),
    ]
}

fn of_data(manifest: &Manifest) -> [Fact; 4] {
    let etcd = &manifest.etcd;
    let hash_kv = manifest.snapshot.hash_kv;
    [
        (
            "Etcd",
            format!(
                "{}, storage version {}, cluster {}, member {} ({}), raft index {}, term {}",
                etcd.version,
                etcd.storage_version.as_deref().unwrap_or("not recorded"),
                etcd.cluster_id,
                etcd.member_name,
                etcd.member_id,
                etcd.raft_index,
                etcd.raft_term
            ),
        ),
        (
            "Revision",
            format!(
                "{}, compacted at {}",
                manifest.revision, manifest.compact_revision
            ),
        ),
        ("Keys", manifest.snapshot.total_keys.to_string()),
        (
            "HashKV",
            hash_kv.map_or_else(
                || "not recorded".to_owned(),
                |kv| format!("{} at revision {}", kv.hash, kv.revision),
            ),
        ),
    ]
}

fn of_object(manifest: &Manifest) -> [Fact; 4] {
    let (snapshot, object) = (&manifest.snapshot, &manifest.object);
    [
        (
            "Snapshot",
            format!(
                "{} ({} bytes), SHA-256 {}, hash {:x}",
                size::human(snapshot.size),
                snapshot.size,
                snapshot.sha256,
                snapshot.hash
            ),
        ),
        (
            "Object",
            format!(
                "{}, {} ({} bytes), SHA-256 {}",
                object.file,
                size::human(object.size),
                object.size,
                object.sha256
            ),
        ),
        (
            "Compression",
            match object.compression {
                Compression::None => "none".to_owned(),
                Compression::Zstd { level } => format!("zstd, level {level}"),
            },
        ),
        (
            "Encryption",
            match &object.encryption {
                None => "none".to_owned(),
                Some(Encryption::Age { recipients }) => format!("age, for {}", recipients.join(", ")),
            },
        ),
    ]
}
