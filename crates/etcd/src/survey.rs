//! What the members say about themselves.

use crate::{EtcdError, text};

/// The answers of all endpoints, taken at about the same time. Pure data: [`crate::choose`] reads it, tests write it.
#[derive(Debug)]
pub struct Survey {
    /// One entry an endpoint, in the order of the configuration.
    pub probes: Vec<Probe>,
    /// The cluster's member list, from the first member that gave one (not linearizable, so that it works without quorum). Empty when none
    /// did.
    pub members: Vec<Member>,
}

/// One endpoint's answer.
#[derive(Debug)]
pub struct Probe {
    /// The endpoint as configured.
    pub endpoint: String,
    /// Its state, or why there is none.
    pub status: Result<MemberStatus, EtcdError>,
}

/// `Maintenance.Status` of one member (api/etcdserverpb/rpc.proto, StatusResponse and its header).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberStatus {
    /// The cluster that the member belongs to.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
    /// The server's version, such as `3.6.16`.
    pub version: String,
    /// The data's storage version, from 3.6 on.
    pub storage_version: Option<String>,
    /// The member it takes for the leader; 0 = none.
    pub leader: u64,
    /// A member without a vote, which may be far behind.
    pub is_learner: bool,
    /// Index of the last committed entry it knows of.
    pub raft_index: u64,
    /// Its raft term.
    pub raft_term: u64,
    /// Index of the last entry it applied to its database.
    pub raft_applied_index: u64,
    /// Its newest revision.
    pub revision: i64,
    /// Size of its database file, in bytes.
    pub db_size: i64,
    /// The part of it that is in use, in bytes.
    pub db_size_in_use: i64,
    /// All alarms that are raised in the cluster, as this member knows them.
    pub alarms: Vec<Alarm>,
}

/// An alarm and whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    /// The member; 0 when etcd found members to differ and could not tell which one is wrong.
    pub member_id: u64,
    /// Which alarm.
    pub kind: AlarmKind,
}

/// Alarms that etcd knows (api/etcdserverpb/rpc.proto, AlarmType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmKind {
    /// The quota is used up: no more writes. Reading a snapshot works, and is wanted now more than ever.
    NoSpace,
    /// The member's data differs from the others'.
    Corrupt,
    /// One that this version does not know.
    Other,
}

/// An entry of the member list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: u64,
    /// Its name; empty until it has started once.
    pub name: String,
    /// Whether it has no vote.
    pub is_learner: bool,
}

impl Survey {
    /// The name of a member, or its id in hexadecimal.
    pub fn name_of(&self, member_id: u64) -> String {
        self.members
            .iter()
            .find(|m| m.id == member_id && !m.name.is_empty())
            .map_or_else(|| text::id(member_id), |m| text::shown(&m.name))
    }

    /// The states of those that answered, with their endpoints.
    pub fn answered(&self) -> impl Iterator<Item = (&str, &MemberStatus)> {
        self.probes
            .iter()
            .filter_map(|p| Some((p.endpoint.as_str(), p.status.as_ref().ok()?)))
    }
}

impl MemberStatus {
    /// Whether it is the leader by its own account.
    pub fn is_leader(&self) -> bool {
        self.leader != 0 && self.leader == self.member_id
    }
}

impl Alarm {
    /// Reads the alarms out of a status' `errors`.
    ///
    /// etcd appends the text form of every raised alarm there: `memberID:8211f1d0f64f3269 alarm:NOSPACE`, with the id in decimal and
    /// spacing that varies between releases (server/etcdserver/api/v3rpc/maintenance.go, Status). The Alarm RPC would say the same, but it goes
    /// through raft even for reading (server/etcdserver/v3_server.go, Alarm): it hangs without quorum and writes to the log of a cluster that
    /// we only want to look at.
    pub(crate) fn from_errors<'a>(errors: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        errors.into_iter().filter_map(Self::from_error).collect()
    }

    fn from_error(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = text.split_once(name)?;
            rest.split_whitespace().next()
        };
        let kind = match field("alarm:")? {
            "NOSPACE" => AlarmKind::NoSpace,
            "CORRUPT" => AlarmKind::Corrupt,
            "NONE" => return None,
            _ => AlarmKind::Other,
        };
        // proto3 leaves out a field that is zero.
        let member_id = field("memberID:").map_or(Some(0), |id| id.parse().ok())?;
        Some(Self { member_id, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_read_from_the_text_that_etcd_puts_into_its_status() {
        let alarms = Alarm::from_errors([
            "memberID:10276657743932975437 alarm:NOSPACE ",
            "memberID:7  alarm:CORRUPT",
            "alarm:CORRUPT",
            "alarm:SOMETHING memberID:9",
            "etcdserver: no leader",
            "memberID:nonsense alarm:CORRUPT",
        ]);
        let alarm = |member_id, kind| Alarm { member_id, kind };
        assert_eq!(
            alarms,
            [
                alarm(10_276_657_743_932_975_437, AlarmKind::NoSpace),
                alarm(7, AlarmKind::Corrupt),
                alarm(0, AlarmKind::Corrupt),
                alarm(9, AlarmKind::Other),
            ]
        );
    }
}
