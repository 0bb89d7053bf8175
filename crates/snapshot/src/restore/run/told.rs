//! What is told of a restore that is done.

use std::path::PathBuf;

use super::Run;
use super::build::Built;
use crate::restore::outcome::{Restored, RestoredMember, Warning};

impl Run<'_> {
    /// `replaced` says for each member where what was there before is.
    pub(super) fn restored(self, built: Built, replaced: Vec<Vec<PathBuf>>) -> Restored {
        let Built {
            settings,
            revisions,
            rewritten,
            ..
        } = built;
        let raised = revisions.raised;
        let members = self.request.targets.iter().zip(&self.jobs).zip(replaced);
        let members = members.map(|((target, job), replaced)| RestoredMember {
            name: job.member.name.clone(),
            id: job.member.id,
            data_dir: target.data_dir.clone(),
            wal_dir: target.wal_dir.clone(),
            replaced,
        });
        let mut warnings = self.warnings;
        warnings.extend(settings.warnings(self.request));
        if rewritten.corrupt_alarm_kept {
            warnings.push(Warning::CorruptAlarm);
        }
        if rewritten.leases_made > 0 {
            warnings.push(Warning::LeasesMade {
                count: rewritten.leases_made,
                ttl: self.request.missing_lease_ttl,
            });
        }
        if rewritten.hash.is_none() {
            warnings.push(Warning::HashKvUnknown);
        }
        let kept = revisions.until.unwrap_or(settings.revision());
        Restored {
            revision: raised.unwrap_or(kept),
            hash_kv: rewritten.hash,
            members: members.collect(),
            cluster_id: self.cluster.id,
            token: self.request.token(),
            bumped_by: if raised.is_some() {
                self.request.bump_revision
            } else {
                0
            },
            left_out: rewritten.left_out,
            warnings,
        }
    }
}
