//! Restoring what is in the store with etcd's own tool, and comparing.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    etcdutl, oracle,
};
use serde_json::Value;

/// What has been compared.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) revision: i64,
    pub(crate) keys: u64,
    pub(crate) hash: u32,
}

/// The object that a snapshot's status names, as a plain snapshot file: what `zstd -d` does.
pub(crate) fn fetch(store: &Path, snapshot: &Value, target: &Path) -> Result<PathBuf> {
    let key = snapshot["status"]["object"]["key"]
        .as_str()
        .context("the snapshot's status names no object")?;
    let keys = oracle::keys(store)?;
    let stored = keys
        .iter()
        .find(|stored| *stored == key || stored.ends_with(&format!("/{key}")));
    let stored = store.join(stored.with_context(|| format!("no object {key} in the store"))?);
    let plain = target.join("snapshot.db");
    let mut output = File::create(&plain).context("make the plain file")?;
    let input = File::open(&stored).context("open the object")?;
    zstd::stream::copy_decode(input, &mut output).context("decompress the object")?;
    Ok(plain)
}

/// Restores the file into a new etcd and compares its HashKV, at the snapshot's revision, with the living one's.
pub(crate) async fn compare(source: &Etcd, version: Version, file: &Path) -> Result<Proof> {
    let status = etcdutl::status(version, file)?;
    let restored = Etcd::start(version).restored_from(file).await?;
    let mut hashes = Vec::new();
    for etcd in [source, &restored] {
        let answer = etcd
            .client()
            .await?
            .hash_kv(status.revision)
            .await
            .context("ask for HashKV")?;
        hashes.push((answer.hash(), answer.compact_version()));
    }
    ensure!(
        hashes[0] == hashes[1],
        "HashKV at revision {} differs: {} in the living etcd, {} in the restored one",
        status.revision,
        hashes[0].0,
        hashes[1].0
    );
    Ok(Proof {
        revision: status.revision,
        keys: status.total_key,
        hash: hashes[1].0,
    })
}
