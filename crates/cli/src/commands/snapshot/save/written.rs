//! What was saved, and what is proved of it.

use std::path::Path;

use etcd_backup_backup::{layout::Location, manifest::Manifest};
use etcd_backup_etcd::Choice;
use etcd_backup_snapshot::{Report, StatusJson};
use serde::Serialize;

use super::super::status;
use crate::{
    exit::Failure,
    output::{Format, json, yaml},
    size,
};

/// A snapshot that was saved.
#[derive(Debug)]
pub(super) enum Written {
    /// As a file.
    File {
        path: String,
        report: Box<Report>,
        proof: Proof,
    },
    /// In a store, with its manifest.
    Store {
        store: String,
        manifest: Box<Manifest>,
        proof: Proof,
    },
}

/// What is known beyond the snapshot's own soundness.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) member: String,
    pub(super) why: String,
    pub(super) cluster_id: u64,
    pub(super) degraded: bool,
    /// The revision that was confirmed before.
    pub(super) minimum: i64,
    pub(super) compared: Compared,
}

/// Whether the living member gave the same HashKV.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    Equal,
    Not(String),
}

impl Proof {
    pub(super) fn new(choice: Choice, minimum: i64) -> Self {
        Self {
            member: choice.member_name,
            why: choice.why,
            cluster_id: choice.cluster_id,
            degraded: choice.degraded,
            minimum,
            compared: Compared::Not("not asked for".to_owned()),
        }
    }

    fn sentences(&self, revision: i64, mut proved: Vec<String>) -> String {
        if self.degraded {
            proved.push(format!("revision {revision}, not confirmed by a majority"));
        } else {
            proved.push(format!(
                "revision {revision}, where {} was confirmed by a majority before",
                self.minimum
            ));
        }
        let degraded = if self.degraded {
            "DEGRADED: the newest writes may be missing\n"
        } else {
            ""
        };
        format!("Proved: {}\nMember: {}\n{degraded}", proved.join("; "), self.why)
    }
}

/// What `-w json` prints: etcdutl's fields, and what we know beyond them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    #[serde(flatten)]
    status: StatusJson,
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    size: u64,
    sha256: String,
    member: &'a str,
    #[serde(rename = "clusterID")]
    cluster_id: String,
    confirmed_revision: i64,
    degraded: bool,
}

impl Written {
    pub(super) fn file(path: &Path, report: Report, proof: Proof) -> Self {
        Self::File {
            path: path.display().to_string(),
            report: Box::new(report),
            proof,
        }
    }

    pub(super) fn show(&self, format: Format) -> Result<String, Failure> {
        Ok(match (self, format) {
            (_, Format::Json) => json(&self.json())?,
            (_, Format::Yaml) => yaml(&self.json())?,
            (Self::File { path, report, proof }, Format::Simple) => {
                let version = report.status.storage_version.as_ref();
                let version =
                    version.map_or_else(String::new, |version| format!("Server version {version}\n"));
                let proved = proof.sentences(report.status.revision, proved(report, &proof.compared));
                // etcdctl's lines, and ours.
                format!("Snapshot saved at {path}\n{version}{proved}")
            }
            (Self::File { report, .. }, format) => status::show(report, format)?,
            (Self::Store { proof, manifest, .. }, _) => {
                let stored = format!(
                    "Stored {} of {} as {}\n",
                    size::human(manifest.object.size),
                    size::human(manifest.snapshot.size),
                    manifest.object.file
                );
                let proved = vec![
                    "checksum, structure and records".to_owned(),
                    format!("what the store holds ({:?})", manifest.verification.level),
                ];
                format!(
                    "Snapshot saved at {}\n{stored}{}",
                    self.location(),
                    proof.sentences(manifest.revision, proved)
                )
            }
        })
    }

    /// The URL or path of the snapshot itself.
    fn location(&self) -> String {
        match self {
            Self::File { path, .. } => path.clone(),
            Self::Store { store, manifest, .. } => match manifest.location() {
                Ok(location) => format!("{store}/{}", location.snapshot_key(manifest.object.form())),
                // Cannot be: it was written there.
                Err(_) => store.clone(),
            },
        }
    }

    fn json(&self) -> Json<'_> {
        let (Self::File { proof, .. } | Self::Store { proof, .. }) = self;
        let (status, manifest, size, sha256) = match self {
            Self::File { report, .. } => (
                StatusJson::from(&report.status),
                None,
                report.size,
                hex::encode(report.sha256),
            ),
            Self::Store { store, manifest, .. } => {
                let status = StatusJson {
                    hash: manifest.snapshot.hash,
                    revision: manifest.revision,
                    total_key: manifest.snapshot.total_keys,
                    // Without the 32 bytes of the trailer, as etcdutl.
                    total_size: manifest.snapshot.size - etcd_backup_etcd::TRAILER_LENGTH,
                    version: manifest.etcd.storage_version.clone().unwrap_or_default(),
                };
                let key = manifest
                    .location()
                    .as_ref()
                    .map(Location::manifest_key)
                    .unwrap_or_default();
                let sha256 = manifest.snapshot.sha256.to_string();
                (
                    status,
                    Some(format!("{store}/{key}")),
                    manifest.snapshot.size,
                    sha256,
                )
            }
        };
        Json {
            status,
            location: self.location(),
            manifest,
            size,
            sha256,
            member: &proof.member,
            cluster_id: format!("{:016x}", proof.cluster_id),
            confirmed_revision: proof.minimum,
            degraded: proof.degraded,
        }
    }
}

fn proved(report: &Report, compared: &Compared) -> Vec<String> {
    let mut proved = vec!["checksum, structure and records".to_owned()];
    match (compared, report.hash_kv) {
        (Compared::Equal, Some(kv)) => proved.push(format!(
            "HashKV {} at revision {} as the member has it",
            kv.hash, kv.revision
        )),
        (Compared::Equal, None) => {}
        (Compared::Not(why), _) => proved.push(format!("HashKV not compared ({why})")),
    }
    proved
}
