//! Every bucket of the snapshot, copied in order, with what belongs to the old cluster left out and what makes the new one
//! put in.

mod keys;
mod leases;
mod small;

use std::collections::BTreeSet;
use std::io::Write;

use etcd_backup_bolt::walk::{Bolt, Bucket, Reached, ReadAt};

use super::cluster::Cluster;
use super::control::{Control, Stage};
use super::error::RestoreError;
use super::outcome::LeftOut;
use super::output::Output;
use super::request::Alarms;
use super::settings::Revisions;
use crate::report::HashKv;
use crate::schema::{ALARM, CLUSTER, KEY, LEASE, MEMBERS, MEMBERS_REMOVED, META};

/// After so many keys a restore looks whether it was cancelled, and tells how far it is.
const KEYS_BETWEEN_LOOKS: u32 = 4096;

/// How to copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) revisions: Revisions,
    /// As [`Compaction::effective`](crate::verify::Compaction::effective) has it.
    pub(super) compacted: i64,
    pub(super) alarms: Alarms,
    pub(super) downgrade: Option<&'a str>,
    pub(super) missing_lease_ttl: i64,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) left_out: Vec<LeftOut>,
    /// The HashKV of the snapshot as it is.
    pub(super) source_hash: Option<HashKv>,
    /// That of what was written, once a member runs on it.
    pub(super) hash: Option<HashKv>,
    pub(super) leases_made: u64,
    pub(super) corrupt_alarm_kept: bool,
}

/// Copies everything. Proves the structure of the source on the way: every page of its trees is read once.
pub(super) fn rewrite<R: ReadAt, W: Write>(
    bolt: &Bolt<R>,
    plan: Plan<'_>,
    output: &mut Output<W>,
    control: &Control<'_>,
) -> Result<Rewritten, RestoreError> {
    let mut copy = Copy {
        plan,
        output,
        pace: Pace::new(control, bolt.meta().database_bytes()),
        reached: Some(bolt.reached()?),
        rewritten: Rewritten::default(),
        leases: BTreeSet::new(),
    };
    // Written whether the snapshot has them or not; `lease` only if leases have to be made.
    let mut ours: BTreeSet<&[u8]> = [MEMBERS, MEMBERS_REMOVED, META].into();
    for bucket in bolt.buckets()? {
        copy.ours_before(bucket.name(), &mut ours)?;
        ours.remove(bucket.name());
        copy.bucket(&bucket)?;
    }
    copy.ours_before(&[u8::MAX], &mut ours)?;
    let Copy {
        reached, rewritten, ..
    } = copy;
    if let Some(reached) = reached {
        reached.finish(bolt)?;
    }
    Ok(rewritten)
}

/// A copy under way.
struct Copy<'a, W> {
    plan: Plan<'a>,
    output: &'a mut Output<W>,
    pace: Pace<'a>,
    /// Pages that were read. Always there, but while a walk has them.
    reached: Option<Reached>,
    rewritten: Rewritten,
    /// Leases that keys are attached to, as far as they may be missing.
    leases: BTreeSet<i64>,
}

impl<W: Write> Copy<'_, W> {
    /// Writes those of our buckets that the snapshot lacks and that come before this name.
    fn ours_before(&mut self, name: &[u8], ours: &mut BTreeSet<&[u8]>) -> Result<(), RestoreError> {
        if !self.leases.is_empty() {
            ours.insert(LEASE);
        }
        while let Some(first) = ours.first().copied().filter(|first| *first < name) {
            ours.remove(first);
            self.output.bucket(first, 0)?;
            match first {
                MEMBERS => self.members()?,
                META => self.meta_settings(None)?,
                LEASE => self.missing_leases(None)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn bucket<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        self.output.bucket(bucket.name(), bucket.sequence())?;
        match bucket.name() {
            KEY => self.keys(bucket),
            LEASE => self.lease_bucket(bucket),
            MEMBERS => {
                self.count_members(bucket)?;
                self.members()
            }
            MEMBERS_REMOVED => self.count_members(bucket),
            META => self.meta(bucket),
            ALARM => self.alarms(bucket),
            CLUSTER => self.cluster(bucket),
            _ => self.each(bucket, |copy, key, value| copy.output.put(key, value)),
        }
    }

    /// Goes through a bucket of the source.
    fn each<R: ReadAt>(
        &mut self,
        bucket: &Bucket<'_, R>,
        mut entry: impl FnMut(&mut Self, &[u8], &[u8]) -> Result<(), RestoreError>,
    ) -> Result<(), RestoreError> {
        let lent = RestoreError::Internal("a walk inside a walk");
        let mut reached = self.reached.take().ok_or(lent)?;
        let mut walk = bucket.walk_once(&mut reached);
        while let Some((key, value)) = walk.next()? {
            self.pace.step(key, value)?;
            entry(self, key, value)?;
        }
        drop(walk);
        self.reached = Some(reached);
        Ok(())
    }
}

/// Looks up from the work now and then.
struct Pace<'a> {
    control: &'a Control<'a>,
    total: u64,
    bytes: u64,
    keys: u32,
}

impl<'a> Pace<'a> {
    fn new(control: &'a Control<'a>, total: u64) -> Self {
        Self {
            control,
            total,
            bytes: 0,
            keys: 0,
        }
    }

    fn step(&mut self, key: &[u8], value: &[u8]) -> Result<(), RestoreError> {
        let length = key.len().saturating_add(value.len());
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(0));
        self.keys = self.keys.wrapping_add(1);
        if !self.keys.is_multiple_of(KEYS_BETWEEN_LOOKS) {
            return Ok(());
        }
        self.control.tell(Stage::Building, self.bytes, Some(self.total));
        if self.control.is_cancelled() {
            return Err(RestoreError::Cancelled);
        }
        Ok(())
    }
}
