//! The judge itself: it must find what is wrong, or its silence means nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    etcdutl, oracle, scratch,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const VERSION: Version = Version::V3_6;
const FOLDER: &str = "trial/default/prod/cdf818194e3a8c32/20261123T060000Z-k3v7qa2m";

/// A store with one good backup, made with etcd's own tools.
struct Store {
    folder: TempDir,
}

impl Store {
    async fn new() -> Result<Self> {
        let etcd = Etcd::start(VERSION).await?;
        let mut client = etcd.client().await?;
        for number in 0..50 {
            client.put(format!("key-{number}"), "value", None).await?;
        }
        let folder = scratch::folder("store")?;
        let snapshot = etcd.folder().join("snapshot.db");
        let mut save = Command::new(binaries::tool(VERSION.set(), "etcdctl")?);
        save.arg("--endpoints")
            .arg(etcd.member(0).endpoint())
            .args(["snapshot", "save"])
            .arg(&snapshot);
        ensure!(
            save.output()?.status.success(),
            "etcdctl could not save a snapshot"
        );
        let status = etcdutl::status(VERSION, &snapshot)?;
        let hash_kv = client.hash_kv(status.revision).await?;
        let plain = fs::read(&snapshot)?;
        let stored = zstd::encode_all(&*plain, 1)?;
        let manifest = json!({
            "format": "1.0", "runId": "20261123T060000Z-k3v7qa2m", "revision": status.revision,
            "plan": {"namespace": "default", "name": "prod"}, "etcd": {"clusterId": "cdf818194e3a8c32"},
            "times": {"started": "2026-11-23T06:00:00Z"},
            "snapshot": {"size": plain.len(), "sha256": sha256(&plain), "hash": status.hash,
                         "hashKv": {"hash": hash_kv.hash(), "revision": status.revision}},
            "object": {"file": "snapshot.db.zst", "size": stored.len(), "sha256": sha256(&stored),
                       "compression": {"type": "Zstd", "level": 1}},
        });
        let store = Self { folder };
        fs::create_dir_all(store.path(""))?;
        fs::write(store.path("manifest.json"), manifest.to_string())?;
        fs::write(store.path("snapshot.db.zst"), stored)?;
        fs::write(store.folder.path().join("trial/default/prod/owner.json"), "{}")?;
        Ok(store)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(FOLDER).join(file)
    }

    async fn judge(&self) -> Result<oracle::Holdings> {
        oracle::check_store(self.folder.path(), VERSION).await
    }

    /// Changes one field of the manifest, asks, and puts it back.
    async fn refusal_of(&self, field: &str, value: Value) -> Result<String> {
        let path = self.path("manifest.json");
        let before = fs::read(&path)?;
        let mut manifest: Value = serde_json::from_slice(&before)?;
        *manifest
            .pointer_mut(field)
            .with_context(|| format!("no field {field}"))? = value;
        fs::write(&path, manifest.to_string())?;
        let refusal = self
            .judge()
            .await
            .err()
            .with_context(|| format!("nobody minds a wrong {field}"))?;
        fs::write(&path, before)?;
        Ok(format!("{refusal:#}"))
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test]
async fn a_good_backup_is_proved_and_strangers_files_are_named() -> Result<()> {
    let store = Store::new().await?;
    fs::write(store.folder.path().join("somebody-elses.txt"), "hello")?;
    let holdings = store.judge().await?;
    assert_eq!(holdings.backups.len(), 1);
    assert_eq!(holdings.backups[0].object()?, format!("{FOLDER}/snapshot.db.zst"));
    assert_eq!(holdings.foreign, ["somebody-elses.txt"]);
    Ok(())
}

#[tokio::test]
async fn a_manifest_that_says_something_else_than_the_bytes_is_refused() -> Result<()> {
    let store = Store::new().await?;
    for (field, wrong, part) in [
        ("/plan/name", json!("other"), "belongs to"),
        ("/format", json!("2.0"), "format"),
        ("/revision", json!(7), "etcdutl finds"),
        ("/snapshot/hash", json!(7), "etcdutl finds"),
        ("/snapshot/size", json!(7), "the snapshot in it"),
        ("/snapshot/hashKv/hash", json!(7), "HashKV"),
        ("/object/sha256", json!("00"), "what is stored"),
        ("/object/file", json!("../../other"), "is a path"),
    ] {
        let refusal = store.refusal_of(field, wrong).await?;
        assert!(refusal.contains(part), "{field}: {refusal}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_failed_run_leaves_behind_is_refused() -> Result<()> {
    let store = Store::new().await?;
    for (file, part) in [
        (
            "trial/default/prod/cdf818194e3a8c32/20261123T070000Z-aaaaaaaa/snapshot.db",
            "belongs to no backup",
        ),
        (".sgwtmp/multipart/0f/3c1e/1", "neither completed nor aborted"),
        ("trial/.probe/1", "a probe"),
    ] {
        let path = store.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        fs::write(&path, "rest")?;
        let refusal = format!("{:#}", store.judge().await.unwrap_err());
        assert!(refusal.contains(part), "{file}: {refusal}");
        fs::remove_dir_all(path.parent().unwrap_or(&path))?;
    }
    store.judge().await.map(drop)
}
