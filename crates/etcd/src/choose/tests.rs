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

#[test]
fn who_is_chosen() {
    let none = |_: &mut MemberStatus| {};
    let lag = |entries: u64| move |s: &mut MemberStatus| s.raft_applied_index -= entries;
    let cases: Vec<(&str, Vec<MemberStatus>, u64)> = vec![
        ("the only member, though it leads", vec![member(1)], 1),
        (
            "a follower before the leader",
            vec![member(1), member(2), member(3)],
            2,
        ),
        (
            "the same one whatever the order",
            vec![member(3), member(2), member(1)],
            2,
        ),
        (
            "not the corrupt one",
            vec![member(1), with(2, alarm(2, AlarmKind::Corrupt)), member(3)],
            3,
        ),
        (
            "not the one another member says is corrupt",
            vec![with(1, alarm(2, AlarmKind::Corrupt)), member(2), member(3)],
            3,
        ),
        (
            "NOSPACE does not matter",
            vec![member(1), with(2, alarm(2, AlarmKind::NoSpace)), member(3)],
            2,
        ),
        (
            "not a learner",
            vec![member(1), with(2, |s| s.is_learner = true), member(3)],
            3,
        ),
        (
            "not one without leader",
            vec![member(1), with(2, |s| s.leader = 0), member(3)],
            3,
        ),
        (
            "not one of an older term",
            vec![member(1), with(2, |s| s.raft_term = 3), member(3)],
            3,
        ),
        (
            "not one that lags",
            vec![member(1), with(2, lag(5001)), member(3)],
            3,
        ),
        (
            "one that lags within the tolerance",
            vec![member(1), with(2, lag(5000)), member(3)],
            2,
        ),
        (
            "the leader when no follower is left",
            vec![member(1), with(2, lag(9000)), with(3, |s| s.is_learner = true)],
            1,
        ),
        (
            "measured against what is committed, not applied",
            vec![
                with(1, |s| s.raft_index = 16_000),
                with(2, none),
                with(3, |s| s.raft_applied_index = 15_990),
            ],
            3,
        ),
    ];
    for (case, statuses, expected) in cases {
        let choice = choose(&survey(statuses), &ChoosePolicy::default()).expect(case);
        assert_eq!(choice.member_id, expected, "{case}: {}", choice.why);
        assert_eq!(choice.endpoint, endpoint(expected), "{case}");
        assert!(!choice.degraded, "{case}");
    }
}

#[test]
fn the_choice_records_what_a_manifest_needs() {
    let mut survey = survey([member(1), member(2)]);
    silent(&mut survey, 3);
    let choice = choose(&survey, &ChoosePolicy::default()).unwrap();
    assert_eq!(
        choice,
        Choice {
            endpoint: endpoint(2),
            member_id: 2,
            member_name: "etcd-2".into(),
            cluster_id: CLUSTER,
            version: "3.6.16".into(),
            raft_index: 10_000,
            raft_term: 4,
            revision: 900,
            db_size: 1 << 20,
            is_leader: false,
            why: "etcd-2 is a healthy follower, which spares the leader (0 entries behind the most advanced member). \
                  https://m3:2379 did not answer (Unreachable)."
                .into(),
            degraded: false,
            members: 3,
            alarms: vec![],
        }
    );
}

#[test]
fn the_reason_names_who_was_left_out_and_why() {
    let survey = survey([
        member(1),
        with(2, |s| s.is_learner = true),
        with(3, alarm(3, AlarmKind::Corrupt)),
    ]);
    let choice = choose(&survey, &ChoosePolicy::default()).unwrap();
    assert_eq!(
        choice.why,
        "etcd-1 is the leader, and no healthy follower can be used (0 entries behind the most advanced member). https://m2:2379 is a learner. \
         https://m3:2379 has the alarm CORRUPT."
    );
    assert!(choice.corruption_suspected());
}

#[test]
fn an_endpoint_that_failed_before_is_taken_last() {
    let survey = survey([member(1), member(2), member(3)]);
    let mut policy = ChoosePolicy {
        avoid: [endpoint(2)].into(),
        ..ChoosePolicy::default()
    };
    assert_eq!(choose(&survey, &policy).unwrap().member_id, 3);
    policy.avoid.insert(endpoint(3));
    assert_eq!(choose(&survey, &policy).unwrap().member_id, 1);
    policy.avoid.insert(endpoint(1));
    let choice = choose(&survey, &policy).unwrap();
    assert_eq!(choice.member_id, 2);
    assert!(choice.why.contains("failed before"), "{}", choice.why);
}

#[test]
fn without_quorum_nobody_is_chosen_unless_degraded_is_allowed_and_then_the_most_advanced() {
    let alone = |id, applied| {
        with(id, |s| {
            s.leader = 0;
            s.raft_applied_index = applied;
        })
    };
    let survey = survey([alone(1, 9_990), alone(2, 9_999), with(3, |s| s.is_learner = true)]);
    let refusal = choose(&survey, &ChoosePolicy::default()).unwrap_err();
    assert_eq!(
        (refusal.reason(), refusal.is_transient()),
        ("NoQuorum", true),
        "{refusal}"
    );
    let choice = choose(&survey, &degraded()).unwrap();
    assert_eq!((choice.member_id, choice.degraded), (2, true));
    assert!(
        choice.why.contains("although it knows no leader"),
        "{}",
        choice.why
    );
}

#[test]
fn degraded_is_not_used_while_a_healthy_member_is_there() {
    let survey = survey([member(1), with(2, |s| s.leader = 0)]);
    let choice = choose(&survey, &degraded()).unwrap();
    assert_eq!((choice.member_id, choice.degraded), (1, false));
}

#[test]
fn no_corrupt_member_is_ever_taken_however_little_else_is_left() {
    let alone = |s: &mut MemberStatus| s.leader = 0;
    let everyone = survey([with(1, alarm(0, AlarmKind::Corrupt)), with(2, alone)]);
    let itself = survey([with(1, alarm(1, AlarmKind::Corrupt))]);
    for (survey, policy) in [&everyone, &itself]
        .into_iter()
        .flat_map(|survey| [(survey, ChoosePolicy::default()), (survey, degraded())])
    {
        let refusal = choose(survey, &policy).unwrap_err();
        assert_eq!((refusal.reason(), refusal.is_transient()), ("Corrupt", false));
        assert!(refusal.to_string().contains("etcdctl alarm disarm"), "{refusal}");
    }
}

#[test]
fn degraded_means_without_a_quorum_and_neither_behind_nor_in_the_past() {
    let behind = survey([with(1, |s| s.raft_applied_index = 5)]);
    let refusal = choose(&behind, &degraded()).unwrap_err();
    assert_eq!(
        (refusal.reason(), refusal.is_transient()),
        ("NoHealthyMember", true)
    );
    let past = survey([
        with(1, |s| s.raft_term = 3),
        with(2, |s| {
            s.leader = 0;
            s.raft_applied_index = 9_000;
        }),
    ]);
    let choice = choose(&past, &degraded()).unwrap();
    assert_eq!((choice.member_id, choice.degraded), (2, true));
}

#[test]
fn a_degraded_choice_takes_a_sound_member_and_not_an_advanced_corrupt_one() {
    let survey = survey([
        with(1, alarm(1, AlarmKind::Corrupt)),
        with(2, |s| {
            s.leader = 0;
            s.raft_applied_index = 5;
        }),
    ]);
    let choice = choose(&survey, &degraded()).unwrap();
    assert_eq!(choice.member_id, 2);
    assert!(choice.corruption_suspected());
}

#[test]
fn learners_alone_are_never_enough() {
    let survey = survey([with(1, |s| s.is_learner = true)]);
    for policy in [ChoosePolicy::default(), degraded()] {
        assert_eq!(choose(&survey, &policy).unwrap_err().reason(), "NoHealthyMember");
    }
}

#[test]
fn two_clusters_are_refused_with_both_ids_and_their_endpoints() {
    let survey = survey([member(1), with(2, |s| s.cluster_id = 0xab)]);
    for policy in [ChoosePolicy::default(), degraded()] {
        let refusal = choose(&survey, &policy).unwrap_err();
        assert_eq!(
            (refusal.reason(), refusal.is_transient()),
            ("ClusterIdMismatch", false)
        );
        let text = refusal.to_string();
        for part in [
            "cdf818194e3a8c32 (https://m1:2379)",
            "00000000000000ab (https://m2:2379)",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[test]
fn another_cluster_than_the_pinned_one_is_refused_with_both_ids_and_the_remedy() {
    let policy = |id| ChoosePolicy {
        expected_cluster_id: Some(id),
        allow_degraded: true,
        ..ChoosePolicy::default()
    };
    let survey = survey([member(1)]);
    assert!(choose(&survey, &policy(CLUSTER)).is_ok());
    let refusal = choose(&survey, &policy(0xab)).unwrap_err();
    assert_eq!(refusal.reason(), "ClusterIdMismatch");
    let text = refusal.to_string();
    for part in [
        "cdf818194e3a8c32",
        "00000000000000ab",
        "set spec.etcd.clusterID of the plan (or --cluster-id)",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn when_nobody_answers_the_common_reason_is_kept() {
    let denied = |id| Probe {
        endpoint: endpoint(id),
        status: Err(EtcdError::AuthenticationFailed {
            endpoint: endpoint(id),
            problem: "the user name or the password is wrong".into(),
        }),
    };
    let mut survey = Survey {
        probes: vec![denied(1), denied(2)],
        members: vec![],
    };
    let refusal = choose(&survey, &degraded()).unwrap_err();
    assert_eq!(
        (refusal.reason(), refusal.is_transient()),
        ("AuthenticationFailed", false)
    );
    silent(&mut survey, 3);
    let refusal = choose(&survey, &degraded()).unwrap_err();
    assert_eq!((refusal.reason(), refusal.is_transient()), ("Unreachable", true));
}

#[test]
fn a_member_reached_through_two_endpoints_counts_once() {
    let mut survey = survey([member(1)]);
    survey.probes.push(Probe {
        endpoint: "https://alias:2379".into(),
        status: Ok(member(1)),
    });
    survey.members.clear();
    assert_eq!(choose(&survey, &ChoosePolicy::default()).unwrap().members, 1);
}

#[test]
fn losing_quorum_later_marks_the_choice_once() {
    let choice = choose(&survey([member(1)]), &ChoosePolicy::default()).unwrap();
    let marked = choice.without_quorum();
    assert!(marked.degraded && marked.why.ends_with("the snapshot is degraded."));
    assert_eq!(marked.clone().without_quorum(), marked);
}
