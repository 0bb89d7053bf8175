//! What a bucket holds, and removing some of it, as sentences.

mod caution;
mod listing;
mod many;
mod removing;
mod sweeping;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_store::{LIST_CAP, MemoryStore, ObjectMeta, PutMode, Store, list_all};

use super::*;
use crate::{
    layout::{ClusterId, PlanKey, RunId},
    manifest::{Compression, Crc64Nvme, Manifest, Sha256},
    owner::claim,
    testing::{Faulty, PLAN, live_now, owner},
};

fn plan() -> PlanKey {
    PlanKey::new(PLAN.0, PLAN.1).unwrap()
}

fn location(time: DateTime<Utc>, n: u8) -> Location {
    Location {
        plan: plan(),
        cluster: ClusterId(0xc0ff_ee00),
        run: RunId::new(time, [0, 0, 0, 0, n]).unwrap(),
    }
}

/// A manifest of a snapshot of these bytes: of another one's making but for where it lies and what it is of.
fn manifest(location: &Location, time: DateTime<Utc>, snapshot: &[u8]) -> Manifest {
    let museum = include_bytes!("../../manifest/museum/1.0-minimal.json");
    let key = "kube-system/prod/cdf818194e3a8c32/20261123T060000Z-k3v7qa2m/manifest.json";
    let mut manifest = Manifest::parse(museum, &plan(), key).unwrap();
    manifest.run_id = location.run;
    manifest.etcd.cluster_id = location.cluster;
    manifest.plan.uid = owner().plan_uid;
    manifest.kubernetes_cluster_uid = owner().kubernetes_cluster_uid;
    manifest.times.started = time;
    manifest.times.finished = time;
    manifest.object.compression = Compression::None;
    manifest.object.size = snapshot.len() as u64;
    manifest.object.crc64nvme = Crc64Nvme(etcd_backup_store::checksum::crc64nvme(snapshot));
    manifest.object.sha256 = Sha256([0; 32]);
    manifest
}

const SNAPSHOT: &[u8] = b"bytes of a snapshot";

async fn put(store: &Faulty, key: &str, bytes: &[u8]) {
    store
        .inner
        .put(key, Bytes::copy_from_slice(bytes), PutMode::Overwrite)
        .await
        .unwrap();
}

async fn put_snapshot(store: &Faulty, location: &Location) {
    put(store, &location.snapshot_key(Form::default()), SNAPSHOT).await;
}

/// Puts a backup there as a run would have.
async fn put_backup(store: &Faulty, time: DateTime<Utc>, n: u8) -> Entry {
    let location = location(time, n);
    let manifest = manifest(&location, time, SNAPSHOT);
    put_snapshot(store, &location).await;
    put(store, &location.manifest_key(), &manifest.to_bytes().unwrap()).await;
    Entry { location, manifest }
}

/// A claimed prefix with so many backups, a day apart, oldest first.
async fn bucket(count: u8) -> (Faulty, Vec<Entry>) {
    let store = Faulty::new(MemoryStore::new());
    claim(&store.inner, &plan(), &owner(), live_now()).await.unwrap();
    let mut entries = Vec::new();
    for n in 0..count {
        let time = live_now() - TimeDelta::days(i64::from(count - n));
        entries.push(put_backup(&store, time, n).await);
    }
    (store, entries)
}

/// Everything there is, with what says whether it was changed.
async fn everything(store: &Faulty) -> Vec<ObjectMeta> {
    list_all(&store.inner, "", LIST_CAP).await.unwrap()
}

async fn catalogue(store: &Faulty) -> Catalogue {
    list(store, &plan()).await.unwrap()
}

/// A thousand keys that are not ours, some of which nearly are.
async fn put_foreign(store: &Faulty) -> usize {
    let location = location(live_now() - TimeDelta::days(9), 99);
    let ours = location.prefix();
    let mut keys: Vec<String> = [
        format!("{ours}snapshot.db.gz"),
        format!("{ours}sub/manifest.json"),
        format!("{ours}manifest.json.bak"),
        ours.replace("/prod/", "/prod-2/") + "manifest.json",
        ours.replace("/prod/", "/prod/prod/") + "snapshot.db",
        ours.replace("00000000c0ffee00", "c0ffee00") + "snapshot.db",
        ours.replace("00000000c0ffee00", "00000000C0FFEE00") + "snapshot.db",
        ours.to_uppercase() + "snapshot.db",
        "kube-system/prod-2/owner.json".into(),
        "kube-system/prod.old/x".into(),
        "kube-system/prodigy".into(),
    ]
    .into();
    keys.extend((0..990).map(|n| format!("kube-system/prod/user-{n}/+ä% {n}.txt")));
    for key in &keys {
        put(store, key, b"not yours").await;
    }
    keys.iter()
        .filter(|key| key.starts_with("kube-system/prod/"))
        .count()
}
