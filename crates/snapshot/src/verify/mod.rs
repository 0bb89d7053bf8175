//! Verification in one pass.

mod compaction;
mod conclude;
mod content;
mod history;
mod memo;
mod notes;
mod rows;

use std::io::Read;

use etcd_backup_bolt::{BoltError, Scanner};
use sha2::{Digest, Sha256};

use crate::error::VerifyError;
use crate::limits::Limits;
use crate::report::Report;
pub(crate) use compaction::Compaction;
pub(crate) use conclude::downgrade_target;
pub(crate) use content::read_content;
use history::Room;
use notes::Notes;
use rows::Keep;

/// Bytes of the SHA-256 behind the database (`server/etcdserver/api/v3rpc/maintenance.go`).
const TRAILER: usize = 32;
/// How much is read at once, and hashed while it is still in the processor's cache.
const PIECE: usize = 256 << 10;

/// Proves a snapshot while its bytes pass, and says what it holds.
///
/// # What is proved
///
/// The SHA-256 that etcd appended; the structure of the database, as bbolt's own check does and more (see
/// [`etcd_backup_bolt::scan`]); that every record of bucket `key` is one that etcd can read; that nothing is missing and
/// nothing follows.
///
/// # Memory
///
/// It does not depend on the size of values. The law, for a database of `P` pages with `L` that look like leaves and `N`
/// records in those:
///
/// - always: 4 bytes for each of `P`; about 30 for each of `L` (range of keys, entry in the parent, CRC), and 4 more at the
///   end; 1 to 2 bytes for each of `N`, which tell where in a leaf the compact revision lies;
/// - until the leaf with bucket `meta` has passed, and to the end if it says that a compaction was under way: 8 bytes for
///   each of `N`, as the count of live keys then needs the keys, and a set of them at the end; at most [`Limits::keys`].
///   Where there is ample memory for it, the keys are counted that way in any case;
/// - for [`Report::hash_kv`] 6 bytes more for each of `N`, and those 8 to the end. Given up, and `hash_kv` with it, as soon
///   as everything together exceeds [`Limits::ample`]. Not needed where no key was changed or deleted since the last
///   compaction, or there was none.
///
/// So a database of 2 GiB stays below 32 MiB, unless it holds more than a million records and bucket `meta` lies near its
/// end.
#[derive(Debug)]
pub struct Verifier {
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Database(Box<Body>),
    Trailer {
        body: Box<Body>,
        digest: [u8; TRAILER],
        trailer: Vec<u8>,
    },
    Ended,
}

#[derive(Debug)]
struct Body {
    scanner: Scanner<Notes>,
    sha256: Sha256,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// A verifier with the default limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// A verifier with limits of the caller's.
    pub fn with_limits(limits: Limits) -> Self {
        let scanner = Scanner::new(Notes::new(), limits.structure);
        Self {
            limits,
            state: State::Database(Box::new(Body {
                scanner,
                sha256: Sha256::new(),
            })),
        }
    }

    /// Takes the next bytes, any number of them. Whole pages in one call are not copied: etcd's messages of 32 KiB are a
    /// good size.
    ///
    /// # Errors
    ///
    /// What can be told before the end. Most is told by [`finish`](Self::finish). After an error, every further call fails.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        bytes
            .chunks(PIECE)
            .try_for_each(|piece| self.take(piece).inspect_err(|_| self.state = State::Ended))
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), VerifyError> {
        let mut rest = piece;
        if let State::Database(body) = &mut self.state {
            let taken = body.scanner.push(piece).map_err(VerifyError::Structure)?;
            let (database, behind) = piece.split_at_checked(taken).unwrap_or((piece, &[]));
            body.sha256.update(database);
            body.economise(&self.limits);
            if !body.scanner.is_complete() {
                return Ok(());
            }
            rest = behind;
            if let State::Database(body) = std::mem::replace(&mut self.state, State::Ended) {
                let digest = body.sha256.clone().finalize().into();
                self.state = State::Trailer {
                    body,
                    digest,
                    trailer: Vec::new(),
                };
            }
        }
        let State::Trailer { body, trailer, .. } = &mut self.state else {
            return Err(VerifyError::Ended);
        };
        let missing = TRAILER.saturating_sub(trailer.len());
        let (now, behind) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
        trailer.extend_from_slice(now);
        body.sha256.update(now);
        if behind.is_empty() {
            Ok(())
        } else {
            Err(VerifyError::TrailingBytes { end: body.size() })
        }
    }

    /// Proves what the bytes were.
    ///
    /// # Errors
    ///
    /// The first thing wrong with the snapshot: its length, then its SHA-256, its structure, its records.
    pub fn finish(self) -> Result<Report, VerifyError> {
        let (body, digest, trailer) = match self.state {
            State::Database(body) => return Err(body.cut_short()),
            State::Ended => return Err(VerifyError::Ended),
            State::Trailer {
                body,
                digest,
                trailer,
            } => (body, digest, trailer),
        };
        if trailer.len() < TRAILER {
            return Err(VerifyError::TrailerTruncated {
                missing: TRAILER.saturating_sub(trailer.len()),
            });
        }
        if trailer != digest {
            return Err(VerifyError::TrailerMismatch {
                computed: hex::encode(digest),
                recorded: hex::encode(trailer),
            });
        }
        let size = body.size();
        let room = Room {
            ample: body.room(&self.limits),
            keys: self.limits.keys,
        };
        let Body { scanner, sha256 } = *body;
        let (notes, tree) = scanner.finish().map_err(VerifyError::Structure)?;
        let report = conclude::conclude(&tree, &notes.rows, &room)?;
        Ok(Report {
            size,
            sha256: sha256.finalize().into(),
            ..report
        })
    }
}

impl Body {
    /// Gives up what is kept of single records when there is too much of it. See the law above.
    fn economise(&mut self, limits: &Limits) {
        let crowded = self.room(limits) == 0;
        let visitor = self.scanner.visitor_mut();
        if crowded {
            let settled = visitor
                .compaction
                .is_some_and(|compaction| !compaction.under_way());
            visitor
                .rows
                .keep_at_most(if settled { Keep::Nothing } else { Keep::Keys });
        }
        let (_, keys) = visitor.rows.bytes();
        if keys > limits.keys {
            visitor.rows.keep_at_most(Keep::Nothing);
        }
    }

    /// Bytes of ample memory that neither notes nor rows take.
    fn room(&self, limits: &Limits) -> u64 {
        let pages = self.scanner.meta().map_or(0, |meta| meta.pages);
        let ample = limits
            .ample
            .saturating_add(pages.saturating_mul(limits.ample_per_page));
        let (rows, _) = self.scanner.visitor().rows.bytes();
        ample.saturating_sub(self.scanner.memory().saturating_add(rows))
    }

    /// Bytes of the whole snapshot, once the database is complete.
    fn size(&self) -> u64 {
        let database = self
            .scanner
            .meta()
            .map_or(0, etcd_backup_bolt::Meta::database_bytes);
        database.saturating_add(u64::try_from(TRAILER).unwrap_or(0))
    }

    /// The error for a stream that ends inside the database.
    fn cut_short(self) -> VerifyError {
        let error = self.scanner.finish().err().unwrap_or(BoltError::Ended);
        VerifyError::Structure(error)
    }
}

/// Verifies a snapshot that is read to its end, in pieces of 256 KiB.
///
/// # Errors
///
/// As [`Verifier`], and [`VerifyError::Read`] when the reader fails.
pub fn verify_reader(mut reader: impl Read) -> Result<Report, VerifyError> {
    let mut verifier = Verifier::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let length = fill(&mut reader, &mut buffer).map_err(|source| VerifyError::Read { source })?;
        let read = buffer.get(..length).unwrap_or_default();
        if read.is_empty() {
            return verifier.finish();
        }
        verifier.push(read)?;
    }
}

/// Reads until the buffer is full or the reader at its end, so that pages lie whole in it.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
