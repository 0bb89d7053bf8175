//! What is inside a snapshot: keys, values, histories, sizes, differences.
//!
//! [`Snapshot::open`] takes a plain snapshot file, or the database of a stopped member. Nothing is loaded: every question
//! is answered by walking the file with [`bolt::walk`](etcd_backup_bolt::walk), in memory that does not grow with it.
//!
//! etcd keeps its history in the order of revisions, not of keys, so a question about keys in order takes as many passes
//! over the file as the keys fill windows of [`Limits::window`]: one for 400,000 keys. Answers are exact whatever the
//! number of passes.
//!
//! A walk proves what it reads on the way, and an error ends it. That the file is whole and what etcd wrote is another
//! question: see [`Verifier`](crate::Verifier).
//!
//! Values are secrets. Only [`Snapshot::get`] gives one out; everything else tells sizes and, of Kubernetes' objects, the
//! kind.

mod diff;
mod error;
mod groups;
mod header;
mod keys;
mod kubernetes;
mod limits;
mod one_key;
mod records;
mod sorted;
mod text;
mod usage;

use std::fs::File;
use std::path::Path;

use etcd_backup_bolt::BoltError;
use etcd_backup_bolt::walk::{Bolt, ReadAt};

pub use diff::{
    DiffCounts, DiffGroup, DiffOptions, DiffSummary, Difference, DifferenceKind, Differences, KeyVersion,
    diff,
};
pub use error::InspectError;
pub use header::{BucketCount, Counts, Header};
pub use keys::{KeyInfo, Keys, Selection};
pub use kubernetes::{KubernetesPath, ObjectMeta, ValueKind};
pub use limits::Limits;
pub use one_key::{Change, ChangeKind, History, KeyValue};
pub use text::{UserKey, UserValue};
pub use usage::{EncryptionUse, KeyUsage, Sizes, Usage, UsageGroup, UsageOptions};

use crate::container::Container;
use crate::error::VerifyError;
use crate::schema::KEY;
use records::Records;

/// A snapshot that can be asked.
#[derive(Debug)]
pub struct Snapshot<R = File> {
    bolt: Bolt<R>,
    limits: Limits,
    header: Header,
}

impl Snapshot {
    /// Opens a file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InspectError> {
        let file = File::open(path).map_err(InspectError::Open)?;
        Self::from_source(file, Limits::default())
    }
}

impl<R: ReadAt> Snapshot<R> {
    /// Opens whatever can be read at any place.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Packed`] for a compressed or encrypted file, `NotAnEtcdSnapshot` and `Truncated` as
    /// [reasons](InspectError::reason) for what the words say.
    pub fn from_source(source: R, limits: Limits) -> Result<Self, InspectError> {
        Container::refuse(&source).map_err(VerifyError::Packed)?;
        let bolt = Bolt::open(source, limits.structure)?;
        let file_bytes = bolt.source().size().map_err(InspectError::Open)?;
        let keys = bolt.bucket(KEY)?.ok_or(VerifyError::NoBucket { bucket: "key" })?;
        let header = Header::read(&bolt, file_bytes, &keys)?;
        drop(keys);
        Ok(Self { bolt, limits, header })
    }

    /// What it says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A pass over the history up to a main revision.
    fn records(&self, last: i64) -> Result<Records<'_, R>, BoltError> {
        let bucket = self.bolt.bucket(KEY)?.ok_or(BoltError::Ended)?;
        Ok(Records::new(bucket.walk(), last))
    }

    /// The revision asked for, if the snapshot can tell what was then.
    fn revision(&self, revision: Option<i64>) -> Result<i64, InspectError> {
        let first = self.header.compact_revision;
        let last = self.header.revision.max(first);
        match revision {
            None => Ok(last),
            Some(revision) if revision < first => Err(InspectError::Compacted { revision, first }),
            Some(revision) if revision > last => Err(InspectError::Future { revision, last }),
            Some(revision) => Ok(revision),
        }
    }
}
