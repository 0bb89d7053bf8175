//! Whether the members are one cluster that works.

use std::collections::BTreeSet;

use etcd_backup_etcd::{AlarmKind, Survey};

use crate::connect::Failure;

/// All members answer, know each other, follow one leader and raise no alarm.
pub(super) fn check(survey: &Survey, members: usize) -> Result<(), Failure> {
    for probe in &survey.probes {
        if let Err(error) = &probe.status {
            return Err(Failure::transient(
                "MemberDown",
                format!("{} does not answer: {error}", probe.endpoint),
            ));
        }
    }
    let wait = |reason: &str, message: String| Err(Failure::transient(reason, message));
    if survey.members.len() != members || survey.probes.len() < members {
        return wait(
            "MembersMissing",
            format!(
                "the cluster has {} members and {} endpoints, and {members} were restored",
                survey.members.len(),
                survey.probes.len()
            ),
        );
    }
    let leaders: BTreeSet<u64> = survey.answered().map(|(_, status)| status.leader).collect();
    if leaders.len() != 1 || leaders.contains(&0) {
        return wait("NoLeader", "the members do not follow one leader yet".to_owned());
    }
    let ids: BTreeSet<u64> = survey.answered().map(|(_, status)| status.member_id).collect();
    if ids.len() != members {
        return wait(
            "MembersMissing",
            format!("{} different members answer, of {members}", ids.len()),
        );
    }
    match alarm(survey) {
        Some(message) => wait("AlarmRaised", message.to_owned()),
        None => Ok(()),
    }
}

/// What a cluster with an alarm does not do, which no read shows, and what to do about it.
fn alarm(survey: &Survey) -> Option<&'static str> {
    let statuses = survey.answered();
    let kinds = statuses.flat_map(|(_, status)| status.alarms.iter().map(|alarm| alarm.kind));
    let said = kinds.map(|kind| match kind {
        AlarmKind::Corrupt => {
            "the restored cluster has the alarm CORRUPT and refuses writes; if the snapshot brought it along, a member's data \
             differed when it was taken: look at the data, then run etcdctl alarm disarm"
        }
        AlarmKind::NoSpace => {
            "the restored cluster has the alarm NOSPACE and refuses writes: give it a larger --quota-backend-bytes, then run \
             etcdctl alarm disarm"
        }
        AlarmKind::Other => "the restored cluster has an alarm: see etcdctl alarm list",
    });
    // The gravest one.
    said.min_by_key(|said| !said.contains("CORRUPT"))
}

#[cfg(test)]
mod tests {
    use etcd_backup_etcd::{Alarm, Member, MemberStatus, Probe};

    use super::*;

    /// Members 1 to 3, which follow member 1.
    fn survey(alarms: &[AlarmKind]) -> Survey {
        let probe = |id: u64| Probe {
            endpoint: format!("https://m{id}"),
            status: Ok(MemberStatus {
                member_id: id,
                leader: 1,
                alarms: alarms
                    .iter()
                    .map(|kind| Alarm {
                        member_id: 9,
                        kind: *kind,
                    })
                    .collect(),
                ..MemberStatus::default()
            }),
        };
        Survey {
            probes: (1..=3).map(probe).collect(),
            members: vec![Member::default(); 3],
        }
    }

    #[test]
    fn a_cluster_that_refuses_writes_for_an_alarm_is_not_restored_yet() {
        assert_eq!(check(&survey(&[]), 3), Ok(()));
        for (alarms, word) in [
            (vec![AlarmKind::NoSpace], "NOSPACE"),
            (vec![AlarmKind::NoSpace, AlarmKind::Corrupt], "CORRUPT"),
            (vec![AlarmKind::Other], "etcdctl alarm list"),
        ] {
            let failure = check(&survey(&alarms), 3).unwrap_err();
            // Whoever disarms it need not restore again.
            assert!(failure.reason == "AlarmRaised" && failure.transient, "{failure}");
            assert!(failure.message.contains(word), "{failure}");
        }
    }
}
