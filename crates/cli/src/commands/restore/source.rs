//! Where the bytes come from, and what is known of them beforehand.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
};

use etcd_backup_backup::read::{self, ReadError};
use etcd_backup_snapshot::{
    HashKv,
    restore::{Expected, Source as Bytes},
};
use tokio_util::io::SyncIoBridge;

use super::{Restore, of_read};
use crate::{
    exit::{Exit, Failure},
    store::Source,
};

/// A source that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) source: Bytes<'static>,
    /// What a manifest says of it.
    pub(super) expected: Expected,
    /// Something that only this snapshot has.
    pub(super) fingerprint: Option<[u8; 32]>,
}

pub(super) async fn open(restore: &Restore) -> Result<Opened, Failure> {
    match &restore.source {
        Source::Stdin => Ok(Opened {
            source: Bytes::Reader(Box::new(io::stdin())),
            expected: Expected::default(),
            fingerprint: None,
        }),
        Source::File(path) => {
            let cannot =
                |error: io::Error| Failure::storage(format!("cannot open {}", path.display()), &error);
            let mut file = File::open(path).map_err(cannot)?;
            let fingerprint = last(&mut file).map_err(cannot)?;
            Ok(Opened {
                source: Bytes::File(file),
                expected: Expected::default(),
                fingerprint,
            })
        }
        Source::Backup { store, location } => {
            let identities = restore.identity.read()?;
            let chosen = restore
                .choose
                .open(&restore.reach, store, location.as_ref())
                .await?;
            let manifest = &chosen.entry.manifest;
            let reader = read::open(&chosen.store, manifest, identities.as_ref())
                .await
                .map_err(|error| of_read(&error))?;
            Ok(Opened {
                source: Bytes::Reader(Box::new(SyncIoBridge::new(reader))),
                expected: Expected {
                    size: Some(manifest.snapshot.size),
                    sha256: Some(manifest.snapshot.sha256.0),
                    hash_kv: manifest.snapshot.hash_kv.map(|kv| HashKv {
                        hash: kv.hash,
                        revision: kv.revision,
                        compact_revision: kv.compact_revision,
                    }),
                },
                fingerprint: Some(manifest.snapshot.sha256.0),
            })
        }
    }
}

/// The last bytes of a file: etcd's SHA-256 of everything before.
fn last(file: &mut File) -> io::Result<Option<[u8; 32]>> {
    use io::Read;
    let mut bytes = [0; 32];
    if file.metadata()?.len() < 32 {
        return Ok(None);
    }
    file.seek(SeekFrom::End(-32))?;
    file.read_exact(&mut bytes)?;
    file.rewind()?;
    Ok(Some(bytes))
}

/// A source that could not be read to its end.
pub(super) fn failed(error: &io::Error) -> Failure {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ReadError>())
    {
        Some(error) => of_read(error),
        None => Failure::new(Exit::Storage, format!("cannot read the snapshot: {error}")),
    }
}
