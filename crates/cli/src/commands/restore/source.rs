//! Where the bytes come from, and what is known of them beforehand.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use etcd_backup_backup::read::{self, ReadError};
use etcd_backup_snapshot::restore::{Expected, Source as Bytes};
use tokio_util::sync::CancellationToken;

use super::{Restore, pipe::Pipe, remote::remote};
use crate::{
    exit::{Exit, Failure},
    store::{Source, of_read, plain},
};

/// Something that only this snapshot has, or why nothing is known that could be trusted.
pub(super) type Fingerprint = Result<[u8; 32], &'static str>;

/// A source that is open.
#[derive(Debug)]
pub(super) struct Opened {
    /// What people call it.
    pub(super) name: String,
    pub(super) source: Bytes<'static>,
    /// What a manifest says of it.
    pub(super) expected: Expected,
    pub(super) fingerprint: Fingerprint,
}

/// Opens it. Where nothing may come for long, `cancelled` ends the reading.
pub(super) async fn open(restore: &Restore, cancelled: &CancellationToken) -> Result<Opened, Failure> {
    match &restore.source {
        Source::Stdin => Ok(Opened {
            name: "standard input".to_owned(),
            source: once(io::stdin(), cancelled)?,
            expected: Expected::default(),
            fingerprint: Err("what comes on standard input is not known beforehand"),
        }),
        Source::File(path) => {
            let name = path.display().to_string();
            let mut file = plain::open(path)?;
            if plain::comes_once(&file) {
                return Ok(Opened {
                    name,
                    source: once(file, cancelled)?,
                    expected: Expected::default(),
                    fingerprint: Err("what comes through a pipe is not known beforehand"),
                });
            }
            let fingerprint = if restore.flags.skip_hash_check {
                Err("with --skip-hash-check there is no checksum to tell the file by")
            } else {
                last(&mut file).map_err(|error| Failure::storage(format!("cannot read {name}"), &error))?
            };
            Ok(Opened {
                name,
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
                source: remote(reader, cancelled),
                expected: Expected {
                    size: Some(manifest.snapshot.size),
                    sha256: Some(manifest.snapshot.sha256.0),
                    hash_kv: manifest.snapshot.hash_kv.map(Into::into),
                },
                // The engine holds the bytes against it in any case.
                fingerprint: Ok(manifest.snapshot.sha256.0),
            })
        }
    }
}

/// What comes but once.
fn once(
    source: impl Read + Send + 'static,
    cancelled: &CancellationToken,
) -> Result<Bytes<'static>, Failure> {
    let pipe = Pipe::new(source, cancelled.clone())
        .map_err(|error| Failure::new(Exit::Other, format!("cannot start threads: {error}")))?;
    Ok(Bytes::Reader(Box::new(pipe)))
}

/// The last bytes of a file: etcd's SHA-256 of everything before. The engine proves that they are.
fn last(file: &mut File) -> io::Result<Fingerprint> {
    let mut bytes = [0; 32];
    if file.metadata()?.len() < 32 {
        return Ok(Err("the file has no checksum at its end"));
    }
    file.seek(SeekFrom::End(-32))?;
    file.read_exact(&mut bytes)?;
    file.rewind()?;
    Ok(Ok(bytes))
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
