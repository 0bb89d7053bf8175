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
    etcdutl::{self, Membership},
    oracle,
    restorer::Restorer,
    scratch,
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
        let etcd = filled().await?;
        let mut client = etcd.client().await?;
        let folder = scratch::folder("store")?;
        let snapshot = save(&etcd, "snapshot.db")?;
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

/// An etcd with something in it.
async fn filled() -> Result<Etcd> {
    let etcd = Etcd::start(VERSION).await?;
    let mut client = etcd.client().await?;
    for number in 0..50 {
        client.put(format!("key-{number}"), "value", None).await?;
    }
    Ok(etcd)
}

/// Saves a snapshot with etcd's own tool.
fn save(etcd: &Etcd, name: &str) -> Result<PathBuf> {
    let snapshot = etcd.folder().join(name);
    let mut save = Command::new(binaries::tool(VERSION.set(), "etcdctl")?);
    save.arg("--endpoints")
        .arg(etcd.member(0).endpoint())
        .args(["snapshot", "save"])
        .arg(&snapshot);
    ensure!(
        save.output()?.status.success(),
        "etcdctl could not save a snapshot"
    );
    Ok(snapshot)
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

/// Restores a snapshot for a member with this peer URL, and gives the database.
fn restored(by: Restorer, snapshot: &Path, peer_url: &str) -> Result<PathBuf> {
    let data = snapshot.with_extension(format!("{by:?}-{}", peer_url.len()));
    let member = Membership {
        name: "m0",
        initial_cluster: &format!("m0={peer_url}"),
        token: "trial",
        peer_url,
    };
    by.restore(VERSION, snapshot, &data, &member)?;
    Ok(data.join("member/snap/db"))
}

#[tokio::test]
async fn a_restore_of_ours_that_is_not_etcdutls_is_refused() -> Result<()> {
    const URL: &str = "http://127.0.0.1:2380";
    let etcd = filled().await?;
    let snapshot = save(&etcd, "snapshot.db")?;
    let mut client = etcd.client().await?;
    // That changes no revision, and so no HashKV.
    client.user_add("somebody", "a-password", None).await?;
    let with_a_user = save(&etcd, "user.db")?;
    client.put("one-more", "value", None).await?;
    let with_a_key = save(&etcd, "key.db")?;

    let theirs = restored(Restorer::Etcdutl, &snapshot, URL)?;
    let ours = restored(Restorer::EtcdBackup, &snapshot, URL)?;
    oracle::compare(&theirs, &ours, None)?;
    let unsound = snapshot.with_file_name("unsound.db");
    let mut bytes = fs::read(&ours)?;
    // The page of a leaf, by its number in its first eight bytes.
    bytes[2 * 4096] ^= 1;
    fs::write(&unsound, bytes)?;
    for (what, other, part) in [
        (
            "a key",
            restored(Restorer::EtcdBackup, &with_a_key, URL)?,
            "HashKV",
        ),
        (
            "a user",
            restored(Restorer::EtcdBackup, &with_a_user, URL)?,
            "bucket auth",
        ),
        (
            "a member",
            restored(Restorer::EtcdBackup, &snapshot, "http://127.0.0.1:23800")?,
            "bucket members",
        ),
        ("a page", unsound, "bbolt finds"),
    ] {
        let refusal = oracle::compare(&theirs, &other, None).err();
        let refusal = refusal.with_context(|| format!("nobody minds another {what}"))?;
        let refusal = format!("{refusal:#}");
        assert!(refusal.contains(part), "{what}: {refusal}");
    }
    let hash = u64::from(etcdutl::hash_kv(&theirs)?.hash);
    oracle::compare(&theirs, &ours, Some(hash))?;
    assert!(oracle::compare(&theirs, &ours, Some(hash + 1)).is_err());
    Ok(())
}
