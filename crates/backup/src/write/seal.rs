//! The thread between spool and store: everything that takes processor time.

use std::io::{self, Write};

use etcd_backup_snapshot::{Report, Verifier};

use super::{
    Recipients, WriteError,
    encode::Encoder,
    part::{Loader, MAX_PARTS, PartError, PartWriter, Sent},
    spool::{ReadError, SpoolReader},
};
use crate::manifest::{Compression, Sha256};

/// How to seal.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) compression: Compression,
    pub(super) recipients: Option<Recipients>,
    pub(super) size: Option<u64>,
    pub(super) part_size: usize,
}

/// A snapshot that was proved, and what was made of it.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) report: Report,
    pub(super) sent: Sent,
    pub(super) sha256: Sha256,
}

/// How sealing ends other than well.
#[derive(Debug)]
pub(super) enum SealError {
    /// Because another end of the pipeline did, which says itself why.
    Interrupted,
    Failed(WriteError),
}

/// Runs to the end of the spool. Blocks; ends soon after either neighbour does.
///
/// The last part is handed on only after the snapshot is proved, so an upload cannot even be complete before.
pub(super) fn seal(mut spool: SpoolReader, parts: Loader, sealing: &Sealing) -> Result<Sealed, SealError> {
    // What is stored as it came has the digest that the verifier computes anyway.
    let as_it_came = sealing.compression == Compression::None && sealing.recipients.is_none();
    let writer = PartWriter::new(parts, sealing.part_size, !as_it_came);
    let failed = |error: io::Error| encoding_failed(error, sealing.part_size);
    let mut encoder = Encoder::new(
        writer,
        sealing.compression,
        sealing.recipients.as_ref(),
        sealing.size,
    )
    .map_err(failed)?;
    let mut verifier = Verifier::new();
    while let Some(chunk) = spool.next().map_err(reading_failed)? {
        verifier
            .push(&chunk)
            .map_err(|error| SealError::Failed(WriteError::Verify(error)))?;
        encoder.write_all(&chunk).map_err(failed)?;
    }
    let report = verifier
        .finish()
        .map_err(|error| SealError::Failed(WriteError::Verify(error)))?;
    let sent = encoder.finish().map_err(failed)?;
    let sha256 = sent.sha256.unwrap_or(Sha256(report.sha256));
    Ok(Sealed { report, sent, sha256 })
}

fn reading_failed(error: ReadError) -> SealError {
    match error {
        ReadError::Interrupted => SealError::Interrupted,
        ReadError::File(error) => SealError::Failed(WriteError::Spool(error)),
    }
}

fn encoding_failed(error: io::Error, part_size: usize) -> SealError {
    let part = error
        .get_ref()
        .and_then(|error| error.downcast_ref::<PartError>())
        .copied();
    match part {
        Some(PartError::ReceiverGone) => SealError::Interrupted,
        Some(PartError::TooMany) => SealError::Failed(WriteError::TooManyParts {
            parts: MAX_PARTS,
            part_size,
        }),
        None => SealError::Failed(WriteError::Encode(error)),
    }
}
