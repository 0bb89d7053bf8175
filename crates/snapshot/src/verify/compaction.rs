//! How far the compaction of history had come.

use crate::error::VerifyError;
use crate::revision::Revision;
use crate::schema::Setting;

/// The two revisions that etcd notes before and after it compacts (`server/storage/schema/compact.go`). A compaction is
/// under way if they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compaction {
    scheduled: Option<i64>,
    finished: Option<i64>,
}

impl Compaction {
    /// Reads both from bucket `meta`.
    pub(crate) fn read<'a>(value: impl Fn(Setting) -> Option<&'a [u8]>) -> Result<Self, VerifyError> {
        let revision = |setting: Setting| match value(setting) {
            None => Ok(None),
            Some(bytes) => match Revision::from_value(bytes) {
                Some(revision) => Ok(Some(revision.main)),
                None => Err(VerifyError::Setting { key: setting.name() }),
            },
        };
        Ok(Self {
            scheduled: revision(Setting::ScheduledCompact)?,
            finished: revision(Setting::FinishedCompact)?,
        })
    }

    /// Whether records that a compaction will remove may still be there, or some already gone
    /// (`store.checkPrevCompactionCompleted`).
    pub(crate) fn under_way(&self) -> bool {
        self.scheduled != self.finished
    }

    /// The last revision whose compaction has ended, 0 if none has.
    pub(crate) fn finished(&self) -> i64 {
        self.finished.unwrap_or(0)
    }

    /// The compact revision that a member has in memory, which is the scheduled one: -1 before the first compaction.
    /// A member that restarts takes up a scheduled compaction only if it is ahead (`store.restore`).
    pub(crate) fn effective(&self) -> i64 {
        self.scheduled.max(self.finished).unwrap_or(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compaction(scheduled: Option<i64>, finished: Option<i64>) -> Compaction {
        Compaction { scheduled, finished }
    }

    #[test]
    fn a_compaction_is_under_way_until_its_end_is_noted() {
        assert!(!compaction(None, None).under_way());
        assert!(compaction(Some(5), None).under_way());
        assert!(compaction(Some(5), Some(4)).under_way());
        assert!(!compaction(Some(5), Some(5)).under_way());
    }

    #[test]
    fn a_member_answers_with_the_scheduled_revision() {
        assert_eq!(compaction(None, None).effective(), -1);
        assert_eq!(compaction(Some(5), Some(4)).effective(), 5);
        assert_eq!(compaction(None, Some(4)).effective(), 4);
    }

    #[test]
    fn a_malformed_revision_is_refused() {
        let error = Compaction::read(|_| Some(&b"short"[..])).unwrap_err();
        assert!(
            matches!(
                error,
                VerifyError::Setting {
                    key: "scheduledCompactRev"
                }
            ),
            "{error}"
        );
    }
}
