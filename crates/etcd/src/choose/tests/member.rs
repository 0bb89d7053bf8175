//! Which member is chosen, and what is said of it.

use super::*;

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
fn a_member_reached_through_two_endpoints_counts_once() {
    let mut survey = survey([member(1)]);
    survey.probes.push(Probe {
        endpoint: "https://alias:2379".into(),
        status: Ok(member(1)),
    });
    survey.members.clear();
    assert_eq!(choose(&survey, &ChoosePolicy::default()).unwrap().members, 1);
}
