//! Proofs that a store holds what it should.

use std::{io, sync::Arc};

use etcd_backup_snapshot::{Report, Verifier};
use etcd_backup_store::{ObjectMeta, Store, StoreError};
use futures::{StreamExt, TryFutureExt};
use sha2::Digest;
use tokio::io::AsyncReadExt;

use super::{Identities, ProofError, ReadError, fetch::fetch, open};
use crate::manifest::{Crc64Nvme, HashKv, Level, Manifest, Sha256};

/// What an object must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) size: u64,
    pub(crate) sha256: Sha256,
    pub(crate) crc64nvme: Crc64Nvme,
}

/// What a store says about an object, when it is not wrong.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) meta: ObjectMeta,
    /// The store itself vouches for the content, by a checksum of the whole object.
    pub(crate) attested: bool,
}

/// Asks the store what it holds, and compares length and, where it says it, CRC-64/NVME.
pub(crate) async fn check_head(
    store: &dyn Store,
    key: &str,
    expected: &Expected,
) -> Result<Head, ProofError> {
    let meta = store.head(key).await.map_err(unless_missing)?;
    if meta.size != expected.size {
        return Err(ProofError::Differs("length"));
    }
    match meta.crc64nvme {
        Some(crc) if crc != expected.crc64nvme.0 => Err(ProofError::Differs("CRC-64/NVME")),
        crc => Ok(Head {
            attested: crc.is_some(),
            meta,
        }),
    }
}

/// Reads every byte back and compares. `progress` is told of every chunk's length.
pub(crate) async fn read_back(
    store: &Arc<dyn Store>,
    key: &str,
    expected: &Expected,
    etag: Option<String>,
    progress: impl Fn(u64),
) -> Result<(), ProofError> {
    let mut body = std::pin::pin!(fetch(store.clone(), key.to_owned(), expected.size, etag));
    let mut digest = sha2::Sha256::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(unless_wrong)?;
        digest.update(&chunk);
        progress(chunk.len() as u64);
    }
    let sha256 = Sha256(digest.finalize().into());
    if sha256 == expected.sha256 {
        Ok(())
    } else {
        Err(ProofError::Differs("SHA-256"))
    }
}

/// Proves that the object of `manifest` is what was stored, and says to which level: [`Level::Readback`] also when only
/// [`Level::Checksum`] was asked for but the store knows no checksum.
pub async fn prove(store: &Arc<dyn Store>, manifest: &Manifest, level: Level) -> Result<Level, ProofError> {
    let location = manifest
        .location()
        .map_err(|_| ProofError::Read(ReadError::Location))?;
    let key = location.snapshot_key(manifest.object.form());
    let expected = Expected {
        size: manifest.object.size,
        sha256: manifest.object.sha256,
        crc64nvme: manifest.object.crc64nvme,
    };
    let head = check_head(&**store, &key, &expected).await?;
    if level == Level::Checksum && head.attested {
        return Ok(Level::Checksum);
    }
    read_back(store, &key, &expected, head.meta.etag, |_| ()).await?;
    Ok(Level::Readback)
}

/// The fullest proof: decrypts, decompresses and verifies the snapshot as if it had just come from etcd, and compares what
/// it says with the manifest.
///
/// `sink` is given the snapshot's bytes as they come, which are proved only when this returns.
pub async fn prove_snapshot(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: Option<&Identities>,
    mut sink: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Report, ProofError> {
    let mut reader = open(store, manifest, identities)
        .map_err(ProofError::Read)
        .await?;
    let mut verifier = Verifier::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = reader
            .read(&mut buffer)
            .await
            .map_err(|error| ProofError::Read(ReadError::of(&error)))?;
        if read == 0 {
            break;
        }
        verifier.push(&buffer[..read]).map_err(ProofError::Verify)?;
        sink(&buffer[..read]).map_err(ProofError::Deliver)?;
    }
    let report = verifier.finish().map_err(ProofError::Verify)?;
    compare(manifest, &report)?;
    Ok(report)
}

fn compare(manifest: &Manifest, report: &Report) -> Result<(), ProofError> {
    let snapshot = &manifest.snapshot;
    let hash_kv = report.hash_kv.map(HashKv::from);
    let same = [
        ("SHA-256", snapshot.sha256.0 == report.sha256),
        ("length", snapshot.size == report.size),
        ("hash", snapshot.hash == report.status.hash),
        ("number of keys", snapshot.total_keys == report.status.total_keys),
        ("HashKV", snapshot.hash_kv == hash_kv),
        (
            "compact revision",
            manifest.compact_revision == report.compact_revision,
        ),
        (
            "storage version",
            manifest.etcd.storage_version == report.status.storage_version,
        ),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(ProofError::Differs(what)),
        None => Ok(()),
    }
}

fn unless_missing(error: StoreError) -> ProofError {
    if error.is_not_found() {
        ProofError::Missing
    } else {
        ProofError::Store(error)
    }
}

/// An object that was replaced or cut while it was read is damage, not a failure to ask.
fn unless_wrong(error: StoreError) -> ProofError {
    match error {
        StoreError::Changed { .. } => ProofError::Differs("entity tag"),
        error => unless_missing(error),
    }
}
