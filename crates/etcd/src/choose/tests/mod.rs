//! Members as they may be, and what is made of them.

mod degraded;
mod member;
mod refused;

use super::*;
use crate::{EtcdError, Member, Probe};

const CLUSTER: u64 = 0xcdf8_1819_4e3a_8c32;

/// A healthy follower of leader 1.
fn member(id: u64) -> MemberStatus {
    MemberStatus {
        cluster_id: CLUSTER,
        member_id: id,
        version: "3.6.16".into(),
        leader: 1,
        raft_index: 10_000,
        raft_term: 4,
        raft_applied_index: 10_000,
        revision: 900,
        db_size: 1 << 20,
        db_size_in_use: 1 << 19,
        ..MemberStatus::default()
    }
}

fn with(id: u64, change: impl FnOnce(&mut MemberStatus)) -> MemberStatus {
    let mut status = member(id);
    change(&mut status);
    status
}

fn endpoint(id: u64) -> String {
    format!("https://m{id}:2379")
}

fn survey(statuses: impl IntoIterator<Item = MemberStatus>) -> Survey {
    let probes: Vec<_> = statuses
        .into_iter()
        .map(|status| Probe {
            endpoint: endpoint(status.member_id),
            status: Ok(status),
        })
        .collect();
    let members = probes
        .iter()
        .filter_map(|p| p.status.as_ref().ok())
        .map(|s| Member {
            id: s.member_id,
            name: format!("etcd-{}", s.member_id),
            is_learner: s.is_learner,
        });
    Survey {
        members: members.collect(),
        probes,
    }
}

fn silent(survey: &mut Survey, id: u64) {
    survey.probes.push(Probe {
        endpoint: endpoint(id),
        status: Err(EtcdError::Timeout {
            endpoint: endpoint(id),
            operation: "the status",
            after: std::time::Duration::from_secs(10),
        }),
    });
    survey.members.push(Member {
        id,
        name: format!("etcd-{id}"),
        is_learner: false,
    });
}

fn alarm(member_id: u64, kind: AlarmKind) -> impl FnOnce(&mut MemberStatus) {
    move |status| status.alarms.push(Alarm { member_id, kind })
}

fn degraded() -> ChoosePolicy {
    ChoosePolicy {
        allow_degraded: true,
        ..ChoosePolicy::default()
    }
}
