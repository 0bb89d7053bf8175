//! Where the bytes come from, and what is known of them beforehand.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
};

use etcd_backup_backup::read::{self, ReadError};
use etcd_backup_snapshot::restore::{Expected, Source as Bytes};
use tokio_util::io::SyncIoBridge;

use super::Restore;
use crate::{
    exit::{Exit, Failure},
    store::{Source, of_read},
};

/// A source that is open.
#[derive(Debug)]
pub(super) struct Opened {
    /// What people call it.
    pub(super) name: String,
    pub(super) source: Bytes<'static>,
    /// What a manifest says of it.
    pub(super) expected: Expected,
    /// Something that only this snapshot has.
    pub(super) fingerprint: Option<[u8; 32]>,
}

pub(super) async fn open(restore: &Restore) -> Result<Opened, Failure> {
    match &restore.source {
        Source::Stdin => Ok(Opened {
            name: "standard input".to_owned(),
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
                name: path.display().to_string(),
                source: Bytes::File(file),
                expected: Expected::default(),
                fingerprint,
            })
        }
        Source::Backup { store, location } => {
            let (chosen, identities) = restore.backup.find(store, location.as_ref()).await?;
            chosen.warn();
            let name = chosen.url();
            let manifest = &chosen.entry.manifest;
            let reader = read::open_unproved(&chosen.store, manifest, identities.as_ref())
                .await
                .map_err(|error| of_read(&name, &error))?;
            Ok(Opened {
                name,
                source: Bytes::Reader(Box::new(SyncIoBridge::new(reader))),
                expected: Expected {
                    size: Some(manifest.snapshot.size),
                    sha256: Some(manifest.snapshot.sha256.0),
                    hash_kv: manifest.snapshot.hash_kv.map(Into::into),
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
pub(super) fn failed(name: &str, error: &io::Error) -> Failure {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ReadError>())
    {
        Some(error) => of_read(name, error),
        None => Failure::new(Exit::Storage, format!("cannot read {name}: {error}")),
    }
}
