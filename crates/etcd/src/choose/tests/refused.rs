//! When nobody is chosen, and why.

use super::*;

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
