//! The small buckets: members, what the server notes about itself, alarms, what the cluster agreed on.

use std::collections::BTreeMap;
use std::io::Write;

use etcd_backup_bolt::walk::{Bucket, ReadAt};

use super::Copy;
use crate::restore::error::RestoreError;
use crate::restore::outcome::LeftOut;
use crate::restore::proto::Fields;
use crate::restore::raft::TERM;
use crate::restore::request::Alarms;
use crate::revision::Revision;
use crate::schema::{CONF_STATE, Setting};

/// `etcdserverpb.AlarmType`.
const NO_SPACE: u64 = 1;
const CORRUPT: u64 = 2;

impl<W: Write> Copy<'_, W> {
    /// Bucket `members` of the new cluster.
    pub(super) fn members(&mut self) -> Result<(), RestoreError> {
        let members = self.plan.cluster.members.iter();
        let members: BTreeMap<String, String> = members.map(|member| (member.key(), member.json())).collect();
        members
            .iter()
            .try_for_each(|(key, json)| self.output.put(key.as_bytes(), json.as_bytes()))
    }

    /// Members that are not taken over (`TrimMembershipFromBackend`).
    pub(super) fn count_members<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        let mut count = 0_u64;
        self.each(bucket, |_, _, _| {
            count = count.saturating_add(1);
            Ok(())
        })?;
        let left_out = &mut self.rewritten.left_out;
        match left_out.iter_mut().find_map(|left_out| match left_out {
            LeftOut::Members { count } => Some(count),
            _ => None,
        }) {
            Some(before) => *before = before.saturating_add(count),
            None if count > 0 => left_out.push(LeftOut::Members { count }),
            None => {}
        }
        Ok(())
    }

    /// Bucket `meta`, with our own settings in their places.
    pub(super) fn meta<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        let mut others = BTreeMap::new();
        let mut had_conf_state = false;
        self.each(bucket, |_, key, value| {
            if key == CONF_STATE {
                had_conf_state = true;
            } else {
                others.insert(key.to_vec(), value.to_vec());
            }
            Ok(())
        })?;
        if had_conf_state {
            self.rewritten.left_out.push(LeftOut::ConfState);
        }
        self.meta_settings(Some(others))
    }

    /// Writes bucket `meta`: all entries of the log are applied (`UnsafeUpdateConsistentIndexForce`), and when revisions are
    /// raised, everything before is to be compacted (`unsafeMarkRevisionCompacted`).
    pub(super) fn meta_settings(
        &mut self,
        others: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    ) -> Result<(), RestoreError> {
        let mut settings = others.unwrap_or_default();
        let mut set = |setting: Setting, value: Vec<u8>| {
            settings.insert(setting.name().as_bytes().to_vec(), value);
        };
        let applied = self.plan.cluster.size().to_be_bytes();
        set(Setting::ConsistentIndex, applied.to_vec());
        set(Setting::Term, TERM.to_be_bytes().to_vec());
        if let Some(main) = self.plan.revisions.raised {
            let revision = Revision { main, sub: 0 };
            set(Setting::ScheduledCompact, revision.to_bytes().to_vec());
        }
        settings
            .iter()
            .try_for_each(|(key, value)| self.output.put(key, value))
    }

    /// Bucket `alarm`: each key is an `etcdserverpb.AlarmMember`.
    pub(super) fn alarms<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        let (mut no_space, mut corrupt) = (0_u64, 0_u64);
        let alarms = self.plan.alarms;
        self.each(bucket, |copy, key, value| {
            let kind = Fields::parse(key).map_or(0, |alarm| alarm.number(2));
            let count = match (kind, alarms) {
                (NO_SPACE, Alarms::DropNoSpace | Alarms::Drop) => &mut no_space,
                (CORRUPT, Alarms::Drop) => &mut corrupt,
                _ => {
                    copy.rewritten.corrupt_alarm_kept |= kind == CORRUPT;
                    return copy.output.put(key, value);
                }
            };
            *count = count.saturating_add(1);
            Ok(())
        })?;
        let left_out = &mut self.rewritten.left_out;
        if no_space > 0 {
            left_out.push(LeftOut::NoSpaceAlarms { count: no_space });
        }
        if corrupt > 0 {
            left_out.push(LeftOut::CorruptAlarms { count: corrupt });
        }
        Ok(())
    }

    /// Bucket `cluster`, without a downgrade that is under way.
    pub(super) fn cluster<R: ReadAt>(&mut self, bucket: &Bucket<'_, R>) -> Result<(), RestoreError> {
        let target = self.plan.downgrade;
        self.each(bucket, |copy, key, value| match target {
            Some(target) if key == Setting::Downgrade.name().as_bytes() => {
                let target = target.to_owned();
                copy.rewritten.left_out.push(LeftOut::Downgrade { target });
                Ok(())
            }
            _ => copy.output.put(key, value),
        })
    }
}
