//! The snapshot's file: hashed while it is read in another order, and held against what it should be.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

use super::control::{Control, Stage};
use super::error::RestoreError;
use super::request::{Expected, Request};
use crate::directory::{Directory, Failed};
use crate::error::VerifyError;

/// Bytes of the SHA-256 behind the database.
const TRAILER: u64 = 32;
/// Read, hashed or kept at once: small enough for the processor's cache.
const PIECE: usize = 256 << 10;

/// Keeps what comes but once in a file, which is then read like any other.
pub(super) fn receive(
    mut reader: impl Read,
    directory: &Directory,
    name: &str,
    request: &Request,
    control: &Control<'_>,
) -> Result<File, RestoreError> {
    let path = directory.at(name);
    let mut file = directory.create_file(name)?;
    let mut piece = vec![0; PIECE];
    let total = request.expected.size;
    let mut bytes = 0_u64;
    loop {
        let length = match reader.read(&mut piece) {
            Ok(0) => return Ok(file),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(RestoreError::ReadSource(error)),
        };
        bytes = bytes.saturating_add(u64::try_from(length).unwrap_or(0));
        // A small object may decompress to more than any disk holds.
        if let Some(expected) = total.filter(|total| bytes > *total) {
            return Err(differs("size", expected, format_args!("{bytes} or more")));
        }
        file.write_all(piece.get(..length).unwrap_or_default())
            .map_err(Failed::at("write", &path))?;
        control.tell(Stage::Receiving, bytes, total);
        if control.is_cancelled() {
            return Err(RestoreError::Cancelled);
        }
    }
}

/// The ends of the parts of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Bytes of the database.
    pub(super) database: u64,
    /// Bytes of the file.
    pub(super) file: u64,
}

impl Extent {
    /// Whether the file ends where it should, which costs nothing to tell.
    pub(super) fn check(&self, request: &Request) -> Result<(), RestoreError> {
        if let Some(size) = request.expected.size.filter(|size| *size != self.file) {
            return Err(differs("size", size, self.file));
        }
        if request.skip_hash_check {
            return Ok(());
        }
        let end = self.database.saturating_add(TRAILER);
        let missing = end.saturating_sub(self.file);
        if missing > 0 {
            let missing = usize::try_from(missing).unwrap_or(usize::MAX);
            return Err(VerifyError::TrailerTruncated { missing }.into());
        }
        if self.file > end {
            return Err(VerifyError::TrailingBytes { end }.into());
        }
        Ok(())
    }
}

/// Reads the whole file and proves what it is. `halted` says that nobody wants to know any more.
pub(super) fn prove(
    file: &File,
    extent: Extent,
    request: &Request,
    halted: &AtomicBool,
) -> Result<(), RestoreError> {
    let Expected { sha256, .. } = request.expected;
    if request.skip_hash_check && sha256.is_none() {
        return Ok(());
    }
    let mut hash = Sha256::new();
    let halt = || halted.load(Ordering::Relaxed);
    read_range(file, 0..extent.database, halt, |piece| hash.update(piece))?;
    let database: [u8; 32] = hash.clone().finalize().into();
    let mut trailer = Vec::new();
    read_range(file, extent.database..extent.file, halt, |piece| {
        hash.update(piece);
        let room = 32_usize.saturating_sub(trailer.len());
        trailer.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
    })?;
    if !request.skip_hash_check && trailer != database {
        return Err(VerifyError::TrailerMismatch {
            computed: hex::encode(database),
            recorded: hex::encode(trailer),
        }
        .into());
    }
    let whole: [u8; 32] = hash.finalize().into();
    match sha256 {
        Some(expected) if expected != whole => {
            Err(differs("SHA-256", hex::encode(expected), hex::encode(whole)))
        }
        _ => Ok(()),
    }
}

fn read_range(
    file: &File,
    range: std::ops::Range<u64>,
    halted: impl Fn() -> bool,
    mut take: impl FnMut(&[u8]),
) -> Result<(), RestoreError> {
    let mut piece = vec![0; PIECE];
    let mut at = range.start;
    while at < range.end {
        if halted() {
            return Err(RestoreError::Cancelled);
        }
        let left = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let piece = piece.get_mut(..left.min(PIECE)).unwrap_or_default();
        file.read_exact_at(piece, at).map_err(RestoreError::ReadSource)?;
        take(piece);
        at = at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// The error for a snapshot that is another than expected.
pub(super) fn differs(
    what: &'static str,
    expected: impl std::fmt::Display,
    found: impl std::fmt::Display,
) -> RestoreError {
    RestoreError::Expected {
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    }
}
