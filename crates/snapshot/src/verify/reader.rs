//! Verification of what can be read, on two threads: hashing takes as long as everything else together.

use std::io::Read;
use std::thread;

use super::Verifier;
use super::pieces::Pieces;
use crate::error::VerifyError;
use crate::report::Report;

/// Verifies a snapshot that is read to its end, in pieces of 256 KiB. Takes 2 MiB more than [`Verifier`], and a second
/// thread, which hashes.
///
/// # Errors
///
/// As [`Verifier`], and [`VerifyError::Read`] when the reader fails.
pub fn verify_reader(reader: impl Read) -> Result<Report, VerifyError> {
    thread::scope(|scope| {
        let mut pieces = Pieces::hashed_in(scope);
        let read = read(reader, &mut pieces);
        let hashes = pieces.finish();
        read?.finish_with(&hashes)
    })
}

/// Everything but the hash.
fn read(mut reader: impl Read, pieces: &mut Pieces<'_>) -> Result<Verifier, VerifyError> {
    let mut verifier = Verifier::without_hash();
    loop {
        let piece = pieces
            .next(&mut reader)
            .map_err(|source| VerifyError::Read { source })?;
        if piece.is_empty() {
            return Ok(verifier);
        }
        verifier.push(&piece)?;
    }
}
