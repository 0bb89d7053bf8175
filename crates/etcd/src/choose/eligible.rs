//! Judging each member that answered.

use std::fmt;

use super::ChoosePolicy;
use crate::{Alarm, AlarmKind, MemberStatus, Survey};

/// Why a member is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Excluded {
    /// The CORRUPT alarm is raised for it, or for nobody in particular.
    Corrupt,
    /// It has no vote, and may be anywhere behind.
    Learner,
    /// It knows no leader.
    NoLeader,
    /// Its term is older than another's: it lives in the past.
    OldTerm,
    /// So many entries behind the most advanced member.
    Lagging(u64),
}

impl fmt::Display for Excluded {
    /// Reads as the rest of a sentence that starts with the member.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt => f.write_str("has the alarm CORRUPT"),
            Self::Learner => f.write_str("is a learner"),
            Self::NoLeader => f.write_str("knows no leader"),
            Self::OldTerm => f.write_str("is still in an older term than the others"),
            Self::Lagging(entries) => write!(f, "is {entries} entries behind"),
        }
    }
}

/// A member that answered.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) endpoint: &'a str,
    pub(super) status: &'a MemberStatus,
    pub(super) lag: u64,
    pub(super) excluded: Option<Excluded>,
}

/// Every member that answered, in the order of the survey.
pub(super) fn judge<'a>(survey: &'a Survey, policy: &ChoosePolicy) -> Vec<Candidate<'a>> {
    let alarms = alarms(survey);
    let newest_term = survey.answered().map(|(_, s)| s.raft_term).max().unwrap_or(0);
    // What anyone knows to be committed. The answers are not of one instant, which is what the tolerance is for.
    let committed = survey
        .answered()
        .map(|(_, s)| s.raft_index.max(s.raft_applied_index))
        .max()
        .unwrap_or(0);
    survey
        .answered()
        .map(|(endpoint, status)| {
            let lag = committed.saturating_sub(status.raft_applied_index);
            let excluded = if corrupt(&alarms, status.member_id) {
                Some(Excluded::Corrupt)
            } else if status.is_learner {
                Some(Excluded::Learner)
            } else if status.leader == 0 {
                Some(Excluded::NoLeader)
            } else if status.raft_term < newest_term {
                Some(Excluded::OldTerm)
            } else if lag > policy.max_lag {
                Some(Excluded::Lagging(lag))
            } else {
                None
            };
            Candidate {
                endpoint,
                status,
                lag,
                excluded,
            }
        })
        .collect()
}

/// All alarms that anyone reports, each once.
pub(super) fn alarms(survey: &Survey) -> Vec<Alarm> {
    let mut all: Vec<Alarm> = Vec::new();
    for alarm in survey.answered().flat_map(|(_, status)| &status.alarms) {
        if !all.contains(alarm) {
            all.push(*alarm);
        }
    }
    all
}

/// etcd raises the alarm for member 0 when members differ and no majority tells who is right (server/etcdserver/corrupt.go).
fn corrupt(alarms: &[Alarm], member_id: u64) -> bool {
    alarms
        .iter()
        .any(|a| a.kind == AlarmKind::Corrupt && (a.member_id == member_id || a.member_id == 0))
}
