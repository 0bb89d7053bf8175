//! Objects that are there: describing, reading, removing.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::StreamExt as _;

use super::error::Failure;
use crate::error::Cause;
use crate::object::{GetObject, GetRange, ObjectMeta};
use crate::{Context, Operation, StoreError};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// Changes when the object does: an object is never written in place, so another object is another inode;
/// size and time tell a reused one apart.
fn etag(metadata: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}.{:x}\"",
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec()
    )
}

pub(super) fn meta(key: &str, metadata: &Metadata) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: metadata.len(),
        last_modified: metadata.modified().ok().map(Into::into),
        etag: Some(etag(metadata)),
        version_id: None,
        crc64nvme: None,
        lock: None,
    }
}

/// Metadata of the object, which must be a plain file: a symbolic link could lead out of the store.
fn plain(path: &Path) -> Result<Metadata, Failure> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_file() {
        Ok(metadata)
    } else {
        Err(io::Error::from(ErrorKind::NotFound).into())
    }
}

pub(super) fn describe(path: &Path, key: &str) -> Result<ObjectMeta, Failure> {
    Ok(meta(key, &plain(path)?))
}

/// An object opened for reading, placed at the beginning of the range.
pub(super) struct Opened {
    meta: ObjectMeta,
    file: File,
    left: u64,
}

pub(super) fn open(path: &Path, key: &str, range: &GetRange) -> Result<Opened, Failure> {
    plain(path)?;
    let mut file = File::open(path)?;
    // Of the opened file: the path may lead to another by now.
    let meta = meta(key, &file.metadata()?);
    if range.if_match.is_some() && range.if_match != meta.etag {
        return Err(Failure::Changed);
    }
    let span = range.within(meta.size).ok_or(Failure::PastTheEnd)?;
    file.seek(SeekFrom::Start(span.start))?;
    Ok(Opened {
        meta,
        file,
        left: span.end - span.start,
    })
}

impl Opened {
    pub(super) fn into_object(self, key: &str) -> GetObject {
        let at = Context::new(Operation::Get).key(key);
        let state = (self.file, self.left);
        let body = futures::stream::try_unfold(state, move |(file, left)| {
            let at = at.clone();
            async move {
                if left == 0 {
                    return Ok(None);
                }
                let read = tokio::task::spawn_blocking(move || read_some(file, left)).await;
                match read {
                    Ok(Ok((chunk, file))) => {
                        let left = left - chunk.len() as u64;
                        Ok(Some((chunk, (file, left))))
                    }
                    Ok(Err(error)) => Err(cut_short(at, &error)),
                    Err(_) => Err(cut_short(at, &io::Error::other("the read was cancelled"))),
                }
            }
        });
        GetObject {
            meta: self.meta,
            body: body.boxed(),
        }
    }
}

fn read_some(mut file: File, left: u64) -> io::Result<(Bytes, File)> {
    let wanted = left.min(CHUNK as u64) as usize;
    let mut chunk = vec![0; wanted];
    file.read_exact(&mut chunk)?;
    Ok((chunk.into(), file))
}

fn cut_short(at: Context, error: &io::Error) -> StoreError {
    if error.kind() == ErrorKind::UnexpectedEof {
        return StoreError::Corrupted {
            at: at.boxed(),
            why: "the file ends before its recorded length".to_owned(),
        };
    }
    StoreError::Unavailable {
        at: at.boxed(),
        source: Cause::chain(error),
    }
}

/// Removes the object and then the directories that it leaves empty.
pub(super) fn remove(root: &Path, key: &str) -> Result<(), Failure> {
    let path = root.join(key);
    match plain(&path).and_then(|_| Ok(fs::remove_file(&path)?)) {
        Ok(()) => {}
        Err(Failure::Io(error)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(failure) => return Err(failure),
    }
    let mut folder: Option<PathBuf> = path.parent().map(Path::to_owned);
    while let Some(current) = folder {
        // Fails where something else is in it, which is the end of it.
        if current == root || fs::remove_dir(&current).is_err() {
            sync_directory(&current)?;
            break;
        }
        folder = current.parent().map(Path::to_owned);
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
