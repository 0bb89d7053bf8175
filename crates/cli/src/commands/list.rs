//! `etcd-backup list`

use chrono::{DateTime, Utc};
use clap::Args;
use etcd_backup_backup::{
    catalogue::{Broken, Catalogue, Entry, Orphan},
    manifest::Manifest,
};
use etcd_backup_store::Store;
use serde::Serialize;

use crate::{
    clock,
    commands::wait,
    exit::Failure,
    output::{Column, Format, Listing, note, print},
    size,
    store::{Address, Choose, StoreFlags, WHERE_A_STORE_BEGINS},
};

/// Show what backups a store holds
///
/// The store itself is asked: no Kubernetes is needed. What cannot be restored is listed with the reason; snapshots without
/// a manifest, which a run that is under way or died has left, are no backups and shown only with -o json and -o yaml.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct List {
    /// `s3://bucket/prefix`, or a directory
    #[arg(value_name = "STORE", env = "ETCD_BACKUP_STORE")]
    store: Address,

    #[command(flatten)]
    choose: Choose,

    #[command(flatten)]
    reach: StoreFlags,
}

const EXAMPLES: &str = "\
Examples:
  etcd-backup list s3://backups/etcd
  etcd-backup list s3://backups/etcd --plan kube-system/prod --before 2026-11-23T06:00:00Z -o wide
  etcd-backup list /mnt/backups -o json";

const COLUMNS: &[Column] = &[
    Column::new("PLAN"),
    Column::new("TAKEN"),
    Column::new("AGE"),
    Column::new("REVISION"),
    Column::new("KEYS"),
    Column::new("SIZE"),
    Column::new("STATE"),
    Column::new("RUN"),
    Column::wide("STORED"),
    Column::wide("ETCD"),
    Column::wide("CLUSTER"),
    Column::wide("MEMBER"),
    Column::wide("ENCRYPTED"),
    Column::wide("TRIGGER"),
    Column::wide("FILE"),
];

/// What programs get.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    store: String,
    backups: Vec<BackupData>,
    broken: Vec<BrokenData>,
    orphans: Vec<OrphanData>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BackupData {
    url: String,
    manifest: Manifest,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BrokenData {
    url: String,
    reason: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrphanData {
    url: String,
    size: u64,
    written: Option<DateTime<Utc>>,
}

pub(crate) fn run(list: &List, format: Option<Format>) -> Result<(), Failure> {
    let listing = wait(async {
        let store = list.reach.open(&list.store, None).await?;
        let mut all = Catalogue::default();
        for plan in list.choose.plans(&*store).await? {
            let found = list.choose.list(&*store, &plan).await?;
            all.backups.extend(found.backups);
            all.broken.extend(found.broken);
            all.orphans.extend(found.orphans);
        }
        Ok::<_, Failure>(listing(&*store, all, clock::now()))
    })?;
    if listing.rows.is_empty() && format.is_none() {
        print(&format!("{} holds no backups that fit\n", listing.data.store))?;
        note(WHERE_A_STORE_BEGINS);
        return Ok(());
    }
    print(&listing.show(format)?)
}

fn listing(store: &dyn Store, catalogue: Catalogue, now: DateTime<Utc>) -> Listing<Data> {
    let url = |key: String| format!("{}/{key}", store.location());
    let mut rows: Vec<Vec<String>> = catalogue.backups.iter().map(|entry| row(entry, now)).collect();
    rows.extend(catalogue.broken.iter().map(|broken| broken_row(broken, now)));
    let data = Data {
        store: store.location(),
        backups: catalogue
            .backups
            .into_iter()
            .map(|entry| BackupData {
                url: url(entry.snapshot_key()),
                manifest: entry.manifest,
            })
            .collect(),
        broken: catalogue
            .broken
            .iter()
            .map(|broken| BrokenData {
                url: url(broken.location.manifest_key()),
                reason: broken.reason.reason(),
                message: broken.reason.to_string(),
            })
            .collect(),
        orphans: catalogue
            .orphans
            .iter()
            .map(|orphan: &Orphan| OrphanData {
                url: url(orphan.location.snapshot_key(orphan.form)),
                size: orphan.size,
                written: orphan.written,
            })
            .collect(),
    };
    Listing {
        columns: COLUMNS,
        rows,
        data,
    }
}

fn row(entry: &Entry, now: DateTime<Utc>) -> Vec<String> {
    let manifest = &entry.manifest;
    let state = if manifest.degraded {
        "degraded".to_owned()
    } else {
        format!("verified ({:?})", manifest.verification.level)
    };
    vec![
        entry.location.plan.to_string(),
        clock::rfc3339(manifest.times.started),
        clock::ago(manifest.times.started, now),
        manifest.revision.to_string(),
        manifest.snapshot.total_keys.to_string(),
        size::human(manifest.snapshot.size),
        state,
        entry.location.run.to_string(),
        size::human(manifest.object.size),
        manifest.etcd.version.clone(),
        manifest.etcd.cluster_id.to_string(),
        manifest.etcd.member_name.clone(),
        if manifest.object.encryption.is_some() {
            "age"
        } else {
            "no"
        }
        .to_owned(),
        format!("{:?}", manifest.trigger),
        manifest.object.file.clone(),
    ]
}

fn broken_row(broken: &Broken, now: DateTime<Utc>) -> Vec<String> {
    let taken = broken.location.run.started();
    vec![
        broken.location.plan.to_string(),
        clock::rfc3339(taken),
        clock::ago(taken, now),
        String::new(),
        String::new(),
        String::new(),
        format!("BROKEN: {}", broken.reason),
        broken.location.run.to_string(),
        String::new(),
        String::new(),
        broken.location.cluster.to_string(),
    ]
}
