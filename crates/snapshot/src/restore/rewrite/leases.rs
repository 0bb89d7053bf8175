//! Bucket `lease`: what the snapshot has, and when going back, leases that had ended.
//!
//! A key whose lease is unknown never expires: etcd logs "failed to attach a lease" when it starts and goes on
//! (`store.restore`). So the leases that living keys name are made again, to live for as long as the request says.

use std::collections::BTreeSet;
use std::io::Write;

use etcd_backup_bolt::walk::{Bucket, ReadAt};

use super::Copy;
use crate::restore::error::RestoreError;
use crate::restore::proto::Message;

impl<W: Write> Copy<'_, W> {
    pub(super) fn lease_bucket<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        self.each(bucket, |copy, key, value| {
            copy.missing_leases(Some(key))?;
            copy.output.put(key, value)
        })?;
        self.missing_leases(None)
    }

    /// Makes the leases that come before a key of the bucket, and forgets the one it is of.
    pub(super) fn missing_leases(&mut self, before: Option<&[u8]>) -> Result<(), RestoreError> {
        // Ids are positive, so their order as numbers is that of their keys.
        let mut wanted: BTreeSet<i64> = std::mem::take(&mut self.leases);
        while let Some(id) = wanted.first().copied() {
            let key = id.to_be_bytes();
            match before {
                Some(before) if key.as_slice() > before => break,
                Some(before) if key.as_slice() == before => {
                    wanted.pop_first();
                    break;
                }
                _ => {}
            }
            wanted.pop_first();
            // leasepb.Lease: ID, TTL; a remaining TTL of 0 is that of a new one.
            let ttl = self.plan.missing_lease_ttl.max(1).unsigned_abs();
            let lease = Message::default().number(1, id.cast_unsigned()).number(2, ttl);
            self.output.put(&key, &lease.finish())?;
            self.rewritten.leases_made = self.rewritten.leases_made.saturating_add(1);
        }
        self.leases = wanted;
        Ok(())
    }
}
