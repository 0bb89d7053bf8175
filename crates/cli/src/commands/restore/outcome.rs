//! What was restored, and how to start it.

use std::fmt::Write;

use etcd_backup_snapshot::restore::{Request, Restored, RestoredMember};
use serde::Serialize;

use crate::{
    exit::Failure,
    output::{Format, json, yaml},
};

/// What programs get.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    revision: i64,
    bumped_by: u64,
    #[serde(rename = "hashKV")]
    hash_kv: Option<HashKvData>,
    #[serde(rename = "clusterID")]
    cluster_id: String,
    initial_cluster: String,
    initial_cluster_token: String,
    members: Vec<MemberData>,
    left_out: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HashKvData {
    hash: u32,
    revision: i64,
    compact_revision: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberData {
    name: String,
    #[serde(rename = "memberID")]
    member_id: String,
    data_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    wal_dir: Option<String>,
    replaced: Vec<String>,
    #[serde(skip)]
    peer_urls: String,
}

pub(super) fn show(
    request: &Request,
    restored: &Restored,
    format: Option<Format>,
) -> Result<String, Failure> {
    let data = Data::of(request, restored);
    match format {
        Some(Format::Json) => json(&data),
        Some(Format::Yaml) => yaml(&data),
        _ => Ok(data.text()),
    }
}

impl Data {
    fn of(request: &Request, restored: &Restored) -> Self {
        let urls = |name: &str| request.cluster.urls(name).unwrap_or_default();
        let member = |member: &RestoredMember| MemberData {
            name: member.name.clone(),
            member_id: format!("{:x}", member.id),
            data_dir: member.data_dir.display().to_string(),
            wal_dir: member.wal_dir.as_ref().map(|path| path.display().to_string()),
            replaced: member
                .replaced
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            peer_urls: joined(urls(&member.name).iter().map(|url| url.as_str().to_owned())),
        };
        let initial = request
            .cluster
            .members()
            .flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={}", url.as_str())));
        Self {
            revision: restored.revision,
            bumped_by: restored.bumped_by,
            hash_kv: restored.hash_kv.map(|kv| HashKvData {
                hash: kv.hash,
                revision: kv.revision,
                compact_revision: kv.compact_revision,
            }),
            cluster_id: format!("{:x}", restored.cluster_id),
            initial_cluster: joined(initial),
            initial_cluster_token: restored.token.clone(),
            members: restored.members.iter().map(member).collect(),
            left_out: restored.left_out.iter().map(ToString::to_string).collect(),
            warnings: restored.warnings.iter().map(ToString::to_string).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// Writing to a string cannot fail.
    fn write(&self, out: &mut String) {
        let raised = match self.bumped_by {
            0 => String::new(),
            by => format!(", {by} beyond the snapshot's last; everything before is marked as compacted"),
        };
        let _ = writeln!(out, "Restored at revision {}{raised}", self.revision);
        if let Some(kv) = &self.hash_kv {
            let _ = writeln!(out, "HashKV: {} at revision {}", kv.hash, kv.revision);
        }
        for member in &self.members {
            let _ = writeln!(
                out,
                "Member {} ({}): {}",
                member.name, member.member_id, member.data_dir
            );
            for path in &member.replaced {
                let _ = writeln!(out, "  what was there before is now {path}");
            }
        }
        for left_out in &self.left_out {
            let _ = writeln!(out, "Left out: {left_out}");
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "Warning: {warning}");
        }
        let _ = writeln!(
            out,
            "\nStart every member with --initial-cluster-state existing, so that one whose directory was not restored gets the data instead of joining empty:"
        );
        for member in &self.members {
            let wal = member
                .wal_dir
                .as_ref()
                .map_or_else(String::new, |path| format!(" --wal-dir {path}"));
            let _ = writeln!(
                out,
                "  etcd --name {} --data-dir {}{wal} --initial-cluster-state existing --initial-cluster-token {} --initial-cluster {} --initial-advertise-peer-urls {}",
                member.name,
                member.data_dir,
                self.initial_cluster_token,
                self.initial_cluster,
                member.peer_urls
            );
        }
    }
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(",")
}
