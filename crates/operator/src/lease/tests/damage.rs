//! Leases that somebody deleted, edited or filled with nonsense.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_created_again_by_its_holder() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    for _ in 0..5 {
        server.lock().unwrap().lease = None;
        for _ in 0..30 {
            sleep(Duration::from_millis(300)).await;
            assert!(first.leadership.is_leader() && !second.leadership.is_leader());
        }
        assert_eq!(server.lock().unwrap().spec("holderIdentity"), json!("first"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_deleted_under_a_dead_holder_is_taken_after_its_duration() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.task.abort();
    server.lock().unwrap().lease = None;
    sleep(RENEW_DEADLINE.saturating_sub(TICK)).await;
    assert!(
        !second.leadership.is_leader(),
        "the dead holder's promise is still running"
    );
    assert!(second.leads_within(DURATION).await);
}

#[tokio::test(start_paused = true)]
async fn a_former_leader_that_finds_no_lease_allows_for_a_successor_it_never_saw() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.link.cut.store(true, Ordering::SeqCst);
    second.leadership.wait_until_leader().await;
    // The lease vanishes while the successor cannot see it; the former leader comes back first.
    second.link.cut.store(true, Ordering::SeqCst);
    server.lock().unwrap().lease = None;
    first.link.cut.store(false, Ordering::SeqCst);
    for _ in 0..200 {
        assert!(
            !(first.leadership.is_leader() && second.leadership.is_leader()),
            "two leaders"
        );
        sleep(Duration::from_millis(100)).await;
    }
    assert!(first.leads_within(DURATION).await);
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_with_garbage_is_replaced_within_the_duration() {
    let garbage = [
        json!({"holderIdentity": "ghost", "renewTime": "9999-12-31T23:59:59.000000Z", "leaseDurationSeconds": 15}),
        json!({"holderIdentity": "ghost", "renewTime": "yesterday", "leaseDurationSeconds": -3, "leaseTransitions": -7}),
        json!({"holderIdentity": "ghost", "renewTime": 12, "leaseDurationSeconds": "long", "leaseTransitions": "many"}),
        json!({"holderIdentity": "ghost"}),
    ];
    for spec in garbage {
        let server = server();
        server.lock().unwrap().store(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "etcd-backup-operator", "namespace": "operators"}, "spec": spec,
        }));
        let started = Instant::now();
        let contender = Contender::start(&server, "first", TimeDelta::zero());
        contender.leadership.wait_until_leader().await;
        assert!(
            started.elapsed() >= DURATION,
            "a holder that may live was not waited for"
        );
        assert!(started.elapsed() <= DURATION + TICK);
        assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_a_usable_holder_is_taken_at_once() {
    for spec in [
        json!({}),
        json!({"holderIdentity": ""}),
        json!({"holderIdentity": null}),
        json!({"holderIdentity": 7}),
    ] {
        let server = server();
        server.lock().unwrap().store(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "etcd-backup-operator", "namespace": "operators"}, "spec": spec,
        }));
        assert!(
            Contender::start(&server, "first", TimeDelta::zero())
                .leads_within(TICK)
                .await
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_absurd_lease_duration_does_not_stop_backups_for_good() {
    let server = server();
    server.lock().unwrap().store(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "etcd-backup-operator", "namespace": "operators"},
        "spec": {"holderIdentity": "ghost", "leaseDurationSeconds": 2_147_483_647},
    }));
    let contender = Contender::start(&server, "first", TimeDelta::zero());
    assert!(contender.leads_within(Duration::from_mins(5) + TICK).await);
}

#[tokio::test(start_paused = true)]
async fn an_edited_lease_deposes_the_leader_at_its_next_renewal() {
    let server = server();
    let (first, _second) = leader_and_follower(&server).await;
    {
        let mut server = server.lock().unwrap();
        let mut lease = server.lease.clone().unwrap();
        lease["spec"]["holderIdentity"] = json!("somebody");
        server.store(lease);
    }
    assert!(timeout(TICK, first.leadership.lost()).await.is_ok());
}
