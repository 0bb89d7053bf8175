//! Verification in one pass.

mod ahead;
mod compaction;
mod conclude;
mod content;
mod hash;
mod history;
mod memo;
mod notes;
mod pieces;
mod reader;
mod rows;

use etcd_backup_bolt::{BoltError, Scanner};

use crate::container::Container;
use crate::error::VerifyError;
use crate::limits::Limits;
use crate::report::Report;
pub(crate) use compaction::Compaction;
pub(crate) use conclude::downgrade_target;
pub(crate) use content::read_content;
use hash::TRAILER;
pub(crate) use hash::{Hash, Hashes};
use history::Room;
use notes::Notes;
pub(crate) use pieces::{PIECE, Piece, Pieces};
pub use reader::verify_reader;
use rows::Keep;

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
    /// None after an error.
    body: Option<Box<Body>>,
}

#[derive(Debug)]
struct Body {
    scanner: Scanner<Notes>,
    /// The first bytes, to tell a packed file by.
    head: Vec<u8>,
    /// Bytes behind the database.
    behind: usize,
    /// None where somebody else hashes.
    hash: Option<Hash>,
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
        Self::hashing(limits, Some(Hash::default()))
    }

    /// To be ended with [`finish_with`](Self::finish_with).
    fn without_hash() -> Self {
        Self::hashing(Limits::default(), None)
    }

    fn hashing(limits: Limits, hash: Option<Hash>) -> Self {
        let body = Body {
            scanner: Scanner::new(Notes::new(), limits.structure),
            head: Vec::new(),
            behind: 0,
            hash,
        };
        Self {
            limits,
            body: Some(Box::new(body)),
        }
    }

    /// Takes the next bytes, any number of them. Whole pages in one call are not copied: etcd's messages of 32 KiB are a
    /// good size.
    ///
    /// # Errors
    ///
    /// What can be told before the end. Most is told by [`finish`](Self::finish). After an error, every further call fails.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        let Self { limits, body } = self;
        let taken = body
            .as_mut()
            .ok_or(VerifyError::Ended)
            .and_then(|body| bytes.chunks(PIECE).try_for_each(|piece| body.take(piece, limits)));
        taken.inspect_err(|_| *body = None)
    }

    /// Proves what the bytes were.
    ///
    /// # Errors
    ///
    /// The first thing wrong with the snapshot: its length, then its SHA-256, its structure, its records.
    pub fn finish(mut self) -> Result<Report, VerifyError> {
        let hash = self.body.as_mut().and_then(|body| body.hash.take());
        // Without a body there is none, which the next one says.
        self.finish_with(&hash.unwrap_or_default().finish())
    }

    /// Likewise, with what somebody else made of the same bytes.
    fn finish_with(self, hashes: &Hashes) -> Result<Report, VerifyError> {
        let body = self.body.ok_or(VerifyError::Ended)?;
        if !body.scanner.is_complete() {
            return Err(body.cut_short());
        }
        if body.behind < TRAILER {
            return Err(VerifyError::TrailerTruncated {
                missing: TRAILER.saturating_sub(body.behind),
            });
        }
        if hashes.trailer != hashes.database {
            return Err(VerifyError::TrailerMismatch {
                computed: hex::encode(hashes.database),
                recorded: hex::encode(&hashes.trailer),
            });
        }
        let size = body.size();
        let room = Room {
            ample: body.room(&self.limits),
            keys: self.limits.keys,
        };
        let (notes, tree) = body.scanner.finish().map_err(VerifyError::Structure)?;
        let report = conclude::conclude(&tree, &notes.rows, &room)?;
        Ok(Report {
            size,
            sha256: hashes.whole,
            ..report
        })
    }
}

impl Body {
    fn take(&mut self, piece: &[u8], limits: &Limits) -> Result<(), VerifyError> {
        let mut database = 0;
        let head = Container::HEAD.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(head));
        if !self.scanner.is_complete() {
            let taken = self.scanner.push(piece);
            database = taken.map_err(|error| packed_or(&self.head, error))?;
            self.economise(limits);
        }
        // While it is in the processor's cache.
        if let Some(hash) = &mut self.hash {
            hash.update(piece);
        }
        if self.scanner.is_complete() {
            self.behind = self.behind.saturating_add(piece.len().saturating_sub(database));
        }
        if self.behind > TRAILER {
            return Err(VerifyError::TrailingBytes { end: self.size() });
        }
        Ok(())
    }

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
        packed_or(&self.head, error)
    }
}

/// The error for what is no sound database, and may be packed.
fn packed_or(head: &[u8], error: BoltError) -> VerifyError {
    Container::of_head(head).map_or(VerifyError::Structure(error), VerifyError::Packed)
}
