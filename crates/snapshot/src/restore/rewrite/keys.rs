//! Bucket `key`: the history, up to where it is wanted, and the record that raises the revision.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;

use etcd_backup_bolt::walk::{Bucket, ReadAt};

use super::Copy;
use crate::error::VerifyError;
use crate::record::Record;
use crate::restore::error::RestoreError;
use crate::restore::history::{History, Passing};
use crate::restore::outcome::LeftOut;
use crate::revision::Revision;

/// What passes while records are copied.
struct Records {
    /// All of the source.
    source: History,
    /// What is kept, if that is not all.
    kept: Option<History>,
    /// Which leases living keys are attached to, by a hash of the key. Needed only when going back.
    attached: Option<Attached>,
    left_out: u64,
    after: i64,
}

#[derive(Default)]
struct Attached {
    keys: RandomState,
    leases: HashMap<u64, i64>,
}

impl<W: Write> Copy<'_, W> {
    pub(super) fn keys<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        let until = self.plan.revisions.until;
        let mut records = Records {
            source: History::new(self.plan.compacted),
            kept: until.map(|_| History::new(self.plan.compacted)),
            attached: until.map(|_| Attached::default()),
            left_out: 0,
            after: 0,
        };
        self.each(bucket, |copy, key, value| {
            let (passing, lease) = records.read(key, value)?;
            records.source.push(&passing);
            if until.is_some_and(|until| passing.revision.main > until) {
                records.left_out = records.left_out.saturating_add(1);
                return Ok(());
            }
            if let Some(kept) = &mut records.kept {
                kept.push(&passing);
            }
            if let Some(attached) = &mut records.attached {
                attached.note(&passing, lease);
            }
            copy.output.put(key, value)
        })?;
        self.end_of_keys(records)
    }

    fn end_of_keys(&mut self, records: Records) -> Result<(), RestoreError> {
        self.rewritten.source_hash = records.source.hash();
        let mut kept = records.kept.unwrap_or(records.source);
        self.rewritten.hash = kept.hash();
        if let Some(main) = self.plan.revisions.raised {
            // `unsafeBumpBucketsRevision` of v3_snapshot.go: a put of nothing.
            let revision = Revision { main, sub: 0 };
            let key = revision.to_bytes();
            self.output.put(&key, &[])?;
            kept.push(&Passing {
                revision,
                deletion: false,
                key: &[],
                stored: (&key, &[]),
            });
            self.rewritten.hash = kept.hash_when_compacted();
        }
        if let Some(revision) = self.plan.revisions.until {
            self.rewritten.left_out.push(LeftOut::Later {
                records: records.left_out,
                revision,
            });
        }
        let attached = records.attached.unwrap_or_default();
        self.leases = attached.leases.into_values().collect();
        Ok(())
    }
}

impl Records {
    /// Reads a record as etcd will, and its lease.
    fn read<'r>(&mut self, key: &'r [u8], value: &'r [u8]) -> Result<(Passing<'r>, i64), RestoreError> {
        let malformed = |what| VerifyError::Record {
            what,
            after: self.after,
        };
        let (revision, deletion) =
            Revision::of_record(key).ok_or_else(|| malformed("a key that is no revision"))?;
        let record = Record::parse(value).ok_or_else(|| malformed("a value that is no mvccpb.KeyValue"))?;
        self.after = revision.main;
        let passing = Passing {
            revision,
            deletion,
            key: record.key,
            stored: (key, value),
        };
        Ok((passing, record.lease))
    }
}

impl Attached {
    /// As `restoreChunk` of mvcc/kvstore.go: the last record of a key decides.
    fn note(&mut self, record: &Passing<'_>, lease: i64) {
        let key = self.keys.hash_one(record.key);
        if record.deletion || lease == 0 {
            self.leases.remove(&key);
        } else {
            self.leases.insert(key, lease);
        }
    }
}
