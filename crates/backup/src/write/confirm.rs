//! Holding a snapshot against the living member that it came from.

use async_trait::async_trait;
use etcd_backup_snapshot::HashKv;
use tracing::{debug, info};

use super::{WriteError, run::Run, seal::Sealed};

/// The member that gave a snapshot, asked for its own hash.
#[async_trait]
pub trait Confirm: Send + Sync {
    /// Its HashKV at the revision of `ours`, after the same compaction. An error says in words why there is none to compare
    /// with, which is no fault of the snapshot.
    async fn hash_at(&self, ours: HashKv) -> Result<u32, String>;
}

impl Run {
    /// What a member sent must be what it holds. Where nobody can be asked, that is as it was proved so far.
    pub(super) async fn confirm(&self, sealed: &Sealed) -> Result<(), WriteError> {
        let asked = self.control.confirm.as_ref().zip(sealed.report.hash_kv);
        let Some((member, ours)) = asked.filter(|(_, ours)| ours.revision > 0) else {
            return Ok(());
        };
        match self.unless_cancelled(member.hash_at(ours)).await? {
            Ok(theirs) if theirs == ours.hash => {
                info!(
                    revision = ours.revision,
                    hash = ours.hash,
                    "the member's own HashKV is the snapshot's"
                );
                Ok(())
            }
            Ok(theirs) => Err(WriteError::HashMismatch {
                revision: ours.revision,
                ours: ours.hash,
                theirs,
            }),
            Err(why) => {
                debug!("HashKV was not compared with the member's: {why}");
                Ok(())
            }
        }
    }
}
