//! Feeding a verifier.

use etcd_backup_snapshot::{Limits, Report, Verifier, VerifyError};
use sha2::{Digest, Sha256};

/// Verifies a file in pieces of one size.
pub(crate) fn verify_in(file: &[u8], piece: usize) -> Result<Report, VerifyError> {
    verify_within(file, piece, Limits::default())
}

/// Likewise, within limits.
pub(crate) fn verify_within(file: &[u8], piece: usize, limits: Limits) -> Result<Report, VerifyError> {
    let mut verifier = Verifier::with_limits(limits);
    for bytes in file.chunks(piece) {
        verifier.push(bytes)?;
    }
    verifier.finish()
}

/// Verifies a file in one piece.
pub(crate) fn verify(file: &[u8]) -> Result<Report, VerifyError> {
    verify_in(file, file.len().max(1))
}

/// Puts the right SHA-256 behind a database.
pub(crate) fn seal(database: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(database);
    [database, digest.as_slice()].concat()
}

/// Takes the SHA-256 off a snapshot, for sealing it again after a change.
pub(crate) fn database_of(snapshot: &[u8]) -> &[u8] {
    &snapshot[..snapshot.len() - 32]
}
