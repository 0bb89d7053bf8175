//! The snapshot's file: hashed while it is read in another order, and held against what it should be.

use std::io::Read;
use std::thread;

use super::control::{Control, Stage};
use super::error::RestoreError;
use super::request::Request;
use super::spool::Spool;
use crate::error::VerifyError;
use crate::verify::{Hashes, Pieces};

/// Bytes of the SHA-256 behind the database.
const TRAILER: u64 = 32;

/// Keeps what comes but once in a file, which is then read like any other. Hashes it on the way, on a thread of its own.
pub(super) fn receive(
    reader: impl Read,
    spool: &mut Spool,
    request: &Request,
    control: &Control<'_>,
) -> Result<Hashes, RestoreError> {
    thread::scope(|scope| {
        let mut pieces = Pieces::hashed_in(scope);
        let kept = keep(reader, &mut pieces, spool, request, control);
        let hashes = pieces.finish();
        kept.map(|()| hashes)
    })
}

fn keep(
    mut reader: impl Read,
    pieces: &mut Pieces<'_>,
    spool: &mut Spool,
    request: &Request,
    control: &Control<'_>,
) -> Result<(), RestoreError> {
    let total = request.expected.size;
    let mut bytes = 0_u64;
    loop {
        let piece = pieces.next(&mut reader).map_err(RestoreError::ReadSource)?;
        if piece.is_empty() {
            return Ok(());
        }
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
        // A small object may decompress to more than any disk holds.
        if let Some(expected) = total.filter(|total| bytes > *total) {
            return Err(differs("size", expected, format_args!("{bytes} or more")));
        }
        spool.append(&piece)?;
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

/// Holds the hashes of the whole file against what it should be.
pub(super) fn prove(hashes: &Hashes, request: &Request) -> Result<(), RestoreError> {
    if !request.skip_hash_check && hashes.trailer != hashes.database {
        return Err(VerifyError::TrailerMismatch {
            computed: hex::encode(hashes.database),
            recorded: hex::encode(&hashes.trailer),
        }
        .into());
    }
    match request.expected.sha256 {
        Some(expected) if expected != hashes.whole => Err(differs(
            "SHA-256",
            hex::encode(expected),
            hex::encode(hashes.whole),
        )),
        _ => Ok(()),
    }
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
