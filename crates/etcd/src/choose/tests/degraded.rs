//! Without a quorum, and with members that etcd calls corrupt.

use super::*;

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
fn losing_quorum_later_marks_the_choice_once() {
    let choice = choose(&survey([member(1)]), &ChoosePolicy::default()).unwrap();
    let marked = choice.without_quorum();
    assert!(marked.degraded && marked.why.ends_with("the snapshot is degraded."));
    assert_eq!(marked.clone().without_quorum(), marked);
}
