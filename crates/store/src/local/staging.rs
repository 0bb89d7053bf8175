//! What is not yet an object: `<root>/.uploads/<id>/{key,data}`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::Failure;
use super::file::{self, sync_directory};
use crate::key::{self, RESERVED};
use crate::object::{ObjectMeta, PutMode, UploadMeta};

/// Directories are their owner's alone: a snapshot holds every Secret of its cluster.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// How often a race for a folder may be lost. Losing even twice takes two deletes in the same microseconds.
const RACES: u32 = 8;

/// Bytes on their way to becoming an object. Discarded when dropped, unless [kept](Self::keep).
#[derive(Debug)]
pub(super) struct Staged {
    id: String,
    directory: PathBuf,
    data: File,
    discard: bool,
}

impl Staged {
    pub(super) fn begin(root: &Path, key: &str) -> Result<Self, Failure> {
        let id = key::unique_name();
        let directory = root.join(RESERVED).join(&id);
        directories(&directory)?;
        let mut named = create(&directory.join("key"))?;
        named.write_all(key.as_bytes())?;
        let data = create(&directory.join("data"))?;
        Ok(Self {
            id,
            directory,
            data,
            discard: true,
        })
    }

    /// Survives being dropped: as an upload does, which outlives the process that began it.
    pub(super) fn keep(mut self) -> Self {
        self.discard = false;
        self
    }

    /// Goes away when dropped: nobody else will end it.
    pub(super) fn discard_on_drop(mut self) -> Self {
        self.discard = true;
        self
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        self.data
            .write_all_at(bytes, offset)
            .map_err(|error| self.vanished(error))
    }

    /// Cuts off what an earlier, longer sending of the last part left.
    pub(super) fn truncate(&self, length: u64) -> Result<(), Failure> {
        Ok(self.data.set_len(length)?)
    }

    /// An open file outlives its directory; only its name tells that the upload was aborted.
    fn vanished(&self, error: io::Error) -> Failure {
        if self.exists() {
            error.into()
        } else {
            Failure::NoUpload
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.directory.join("data").exists()
    }

    /// Makes the bytes durable and then the object appear under its key.
    pub(super) fn publish(mut self, root: &Path, key: &str, mode: PutMode) -> Result<ObjectMeta, Failure> {
        self.data.sync_all()?;
        let target = root.join(key);
        let folder = target.parent().unwrap_or(root);
        let data = self.directory.join("data");
        if !self.exists() {
            return Err(Failure::NoUpload);
        }
        let known = folder.is_dir();
        // A delete may remove the folder again while it is empty, between making and using it.
        let mut tries = RACES;
        loop {
            directories(folder).map_err(occupied)?;
            let moved = match mode {
                PutMode::Create => fs::hard_link(&data, &target),
                PutMode::Overwrite => fs::rename(&data, &target),
            };
            match moved {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::NotFound && tries > 0 => tries -= 1,
                Err(error) => return Err(occupied(error)),
            }
        }
        sync_directory(folder)?;
        if !known {
            // The new folders' names are only durable once their parents are.
            for parent in folder.ancestors().skip(1).take_while(|p| p.starts_with(root)) {
                sync_directory(parent)?;
            }
        }
        let meta = file::meta(key, &self.data.metadata()?);
        self.discard = false;
        discard(root, &self.id)?;
        Ok(meta)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.discard {
            // Best effort: what stays is listed by `list_uploads`.
            let _ = fs::remove_dir_all(&self.directory);
            if let Some(uploads) = self.directory.parent() {
                let _ = fs::remove_dir(uploads);
            }
        }
    }
}

/// An object where a folder is wanted, or a folder where the object would be, takes the key too.
fn occupied(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::IsADirectory | ErrorKind::NotADirectory => Failure::Taken,
        _ => error.into(),
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
}

/// Creates the directory and those above it, though somebody removes empty ones at the same time.
fn directories(path: &Path) -> io::Result<()> {
    let mut tries = RACES;
    loop {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(path);
        match made {
            Err(error) if error.kind() == ErrorKind::NotFound && tries > 0 => tries -= 1,
            done => return done,
        }
    }
}

/// The unfinished uploads for keys that start with `prefix`, ascending.
pub(super) fn list(root: &Path, prefix: &str) -> Result<Vec<UploadMeta>, Failure> {
    let entries = match fs::read_dir(root.join(RESERVED)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut uploads = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (Ok(id), Ok(key)) = (
            entry.file_name().into_string(),
            fs::read_to_string(entry.path().join("key")),
        ) else {
            // Being begun or ended right now.
            continue;
        };
        if key.starts_with(prefix) {
            let begun = fs::metadata(entry.path().join("key")).and_then(|key| key.modified());
            uploads.push(UploadMeta {
                key,
                upload_id: id,
                initiated: begun.ok().map(Into::into),
            });
        }
    }
    uploads.sort_by(|a, b| (&a.key, &a.upload_id).cmp(&(&b.key, &b.upload_id)));
    Ok(uploads)
}

/// Removes an upload; absent is fine.
pub(super) fn discard(root: &Path, id: &str) -> Result<(), Failure> {
    // Ids come from listings, but a caller could make one up.
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(Failure::Invalid("this is not an upload of this store"));
    }
    let uploads = root.join(RESERVED);
    match fs::remove_dir_all(uploads.join(id)) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // Fails while other uploads are there, which is right.
    let _ = fs::remove_dir(uploads);
    Ok(())
}
