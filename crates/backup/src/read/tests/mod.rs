//! Reading backups, and refusing what is not one.

mod hostile;
mod sound;

use std::sync::Arc;

use bytes::Bytes;
use etcd_backup_store::{MemoryStore, PutMode, Store};
use sha2::Digest;
use tokio::io::AsyncReadExt;

use super::{Identities, ReadError, open};
use crate::{
    manifest::{Compression, Crc64Nvme, Manifest, Sha256},
    testing::{Faulty, control, request, write_fixture},
};

/// Reads to the end.
async fn read(
    store: &Arc<dyn Store>,
    manifest: &Manifest,
    identities: Option<&Identities>,
) -> Result<Vec<u8>, ReadError> {
    let mut reader = open(store, manifest, identities).await?;
    let mut bytes = Vec::new();
    match reader.read_to_end(&mut bytes).await {
        Ok(_) => Ok(bytes),
        Err(error) => Err(ReadError::of(&error)),
    }
}

async fn backup(request: crate::write::WriteRequest) -> (Faulty, Manifest) {
    let store = Faulty::new(MemoryStore::new().with_part_size(256 << 10));
    let manifest = write_fixture(&store.arc(), request, control()).await.unwrap();
    (store, manifest)
}

fn zstd_request() -> crate::write::WriteRequest {
    crate::write::WriteRequest {
        compression: Compression::Zstd { level: 1 },
        ..request()
    }
}

/// Puts other bytes where the snapshot lies.
async fn replace(store: &Faulty, manifest: &Manifest, bytes: Bytes) {
    let key = manifest.location().unwrap().snapshot_key(manifest.object.form());
    store.inner.put(&key, bytes, PutMode::Overwrite).await.unwrap();
}

/// Makes a manifest say of its object what these bytes are, as somebody would who can write to the bucket.
fn forge(manifest: &mut Manifest, stored: &[u8]) {
    manifest.object.size = stored.len() as u64;
    manifest.object.sha256 = Sha256(sha2::Sha256::digest(stored).into());
    manifest.object.crc64nvme = Crc64Nvme(etcd_backup_store::checksum::crc64nvme(stored));
}
