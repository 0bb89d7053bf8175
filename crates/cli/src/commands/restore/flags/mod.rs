//! etcdutl's flags, and ours.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use etcd_backup_snapshot::restore::{
    Alarms, EtcdVersion, Existing, Request, Target, cluster::InitialCluster,
};

use super::{source::Opened, token};
use crate::{
    clock,
    exit::{Exit, Failure},
    path::path,
};

/// What to restore where. Names and defaults are etcdutl's where it has the flag.
#[derive(Debug, Args)]
#[command(next_help_heading = "Restore")]
pub(super) struct RestoreFlags {
    /// The data directory to make [default: NAME.etcd]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Where the log goes, if not into the data directory
    #[arg(long, value_parser = path(), value_name = "DIR")]
    wal_dir: Option<PathBuf>,

    /// The member's name
    #[arg(long, default_value = "default", value_name = "NAME")]
    name: String,

    /// All members of the new cluster
    #[arg(
        long,
        value_name = "NAME=URL,…",
        default_value = "default=http://localhost:2380"
    )]
    initial_cluster: String,

    /// The new cluster's token; where several machines restore their members, best a fresh one for each restore, the same
    /// on all of them [default: as told above]
    #[arg(long, value_name = "TOKEN")]
    initial_cluster_token: Option<String>,

    /// The member's peer URLs [default: those of --initial-cluster]
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    initial_advertise_peer_urls: Vec<String>,

    /// Make the directory of this member too, in place of --name and --data-dir; may be given several times
    #[arg(long = "member", value_name = "NAME=DIR", value_parser = member, conflicts_with_all = ["name", "data_dir", "wal_dir"])]
    members: Vec<(String, PathBuf)>,

    /// How far to raise the revision, so that no client mistakes a new revision for an old one; 0 keeps revisions
    #[arg(long, default_value_t = 1_000_000_000, value_name = "COUNT")]
    bump_revision: u64,

    /// Mark what is before the raised revision as compacted, so that clients begin anew; always with --bump-revision
    #[arg(long, action = ArgAction::Set, default_value_t = true, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    mark_compacted: bool,

    /// Take a database without a checksum behind it, as one copied from a data directory
    #[arg(long, action = ArgAction::Set, default_value_t = false, num_args = 0..=1, default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub(super) skip_hash_check: bool,

    /// Go back to this revision: what came later is left out. It must not be older than the snapshot's last compaction
    #[arg(long, value_name = "REVISION")]
    revision: Option<i64>,

    /// How long a lease lives that has to be made again, as keys of --revision need it and the snapshot lacks it
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(i64).range(1..), value_name = "SECONDS")]
    missing_lease_ttl: i64,

    /// The etcd that will run on it, such as 3.6: data that it cannot read is refused
    #[arg(long, value_name = "VERSION", value_parser = version)]
    target_version: Option<EtcdVersion>,

    /// What to do with alarms of the old cluster
    #[arg(long, value_enum, default_value_t = AlarmFlag::DropNospace)]
    alarms: AlarmFlag,

    /// Rename an existing directory aside, to DIR.replaced-TIME; nothing is ever deleted
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AlarmFlag {
    /// Leave NOSPACE out, which would make the new cluster read-only, and keep CORRUPT
    DropNospace,
    /// Leave all out
    Drop,
    /// Keep all, as etcdutl does
    Keep,
}

impl RestoreFlags {
    /// What the engine is asked for.
    pub(super) fn request(&self, opened: &Opened) -> Result<Request, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error);
        if self.bump_revision > 0 && !self.mark_compacted {
            return Err(Failure::new(
                Exit::Usage,
                "--bump-revision without --mark-compacted leaves clients with revisions that mean something else",
            )
            .hint("leave --mark-compacted out, or keep revisions with --bump-revision 0"));
        }
        let cluster = InitialCluster::parse(&self.initial_cluster)
            .map_err(|error| usage(&format!("--initial-cluster: {error}")))?;
        let targets = self.targets();
        for target in &targets {
            cluster.urls(&target.name).map_err(|error| {
                usage(&error).hint("--name and --member take the names in --initial-cluster")
            })?;
        }
        self.check_advertised(&cluster, &targets)?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Failure::new(Exit::Other, format!("the system gives no random bytes: {error}"))
        })?;
        let mut request = Request {
            token: self.initial_cluster_token.clone(),
            bump_revision: self.bump_revision,
            revision: self.revision,
            missing_lease_ttl: self.missing_lease_ttl,
            target_version: self.target_version,
            alarms: match self.alarms {
                AlarmFlag::DropNospace => Alarms::DropNoSpace,
                AlarmFlag::Drop => Alarms::Drop,
                AlarmFlag::Keep => Alarms::Keep,
            },
            skip_hash_check: self.skip_hash_check,
            expected: opened.expected,
            existing: if self.replace {
                Existing::Replace { stamp: stamp() }
            } else {
                Existing::Refuse
            },
            ..Request::new(cluster, targets, random)
        };
        if request.token.is_none() {
            request.token = token::shared(&request, &opened.fingerprint)?;
        }
        Ok(request)
    }

    /// They are one member's, so which one has to be clear.
    fn check_advertised(&self, cluster: &InitialCluster, targets: &[Target]) -> Result<(), Failure> {
        let urls = self.initial_advertise_peer_urls.iter();
        let advertised: Vec<&str> = urls.map(String::as_str).collect();
        match targets {
            _ if advertised.is_empty() => Ok(()),
            [target] => cluster
                .check_advertised(&target.name, &advertised)
                .map_err(|error| Failure::new(Exit::Usage, error)),
            _ => Err(Failure::new(
                Exit::Usage,
                "--initial-advertise-peer-urls are those of one member, and several are restored",
            )
            .hint("leave it out: --initial-cluster has the URLs of all")),
        }
    }

    fn targets(&self) -> Vec<Target> {
        if self.members.is_empty() {
            let default = || PathBuf::from(format!("{}.etcd", self.name));
            let data_dir = self.data_dir.clone().unwrap_or_else(default);
            // Where the log is anyway is no place of its own.
            let usual = data_dir.join("member/wal");
            let apart = |path: &PathBuf| !path.as_os_str().is_empty() && *path != usual;
            return vec![Target {
                name: self.name.clone(),
                wal_dir: self.wal_dir.clone().filter(apart),
                data_dir,
            }];
        }
        let target = |(name, data_dir): &(String, PathBuf)| Target {
            name: name.clone(),
            data_dir: data_dir.clone(),
            wal_dir: None,
        };
        self.members.iter().map(target).collect()
    }
}

/// The time, as it stands in the name of what is renamed aside.
fn stamp() -> String {
    clock::rfc3339(clock::now()).replace(['-', ':'], "")
}

fn member(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, directory)) if !name.is_empty() && !directory.is_empty() => {
            Ok((name.to_owned(), directory.into()))
        }
        _ => Err("write NAME=DIRECTORY".to_owned()),
    }
}

fn version(text: &str) -> Result<EtcdVersion, String> {
    EtcdVersion::of(text).ok_or_else(|| "write a version such as 3.6".to_owned())
}

#[cfg(test)]
mod tests;
