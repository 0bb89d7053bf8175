//! Who leads, and from when to when.

use super::*;

#[tokio::test(start_paused = true)]
async fn of_two_contenders_one_leads_and_stays() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    for _ in 0..600 {
        sleep(Duration::from_secs(1)).await;
        assert!(first.leadership.is_leader());
        assert!(!second.leadership.is_leader());
    }
    assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(0));
    assert_eq!(server.lock().unwrap().spec("holderIdentity"), json!("first"));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_at_the_next_look() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.shutdown.cancel();
    first.task.await.unwrap();
    assert!(!first.leadership.is_leader());
    assert!(second.leads_within(TICK).await);
    assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_another_starts() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    let tenure = first.leadership.tenure().unwrap();
    first.link.cut.store(true, Ordering::SeqCst);
    let cut = Instant::now();

    tenure.lost().await;
    let stopped = cut.elapsed();
    assert!(tenure.fence().is_err() && !first.leadership.is_leader());
    assert!(stopped <= RENEW_DEADLINE, "stopped after {stopped:?}");
    assert!(!second.leadership.is_leader());

    second.leadership.wait_until_leader().await;
    let margin = cut.elapsed().saturating_sub(stopped);
    assert!(
        margin >= MARGIN.saturating_sub(TICK),
        "only {margin:?} between the two"
    );
    assert!(
        cut.elapsed() <= DURATION + TICK + TICK,
        "took over after {:?}",
        cut.elapsed()
    );

    first.link.cut.store(false, Ordering::SeqCst);
    sleep(DURATION * 2).await;
    assert!(
        !first.leadership.is_leader(),
        "the loser comes back as a follower"
    );
    assert!(second.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn renewals_whose_answers_are_lost_do_not_count_and_the_old_term_stays_shut() {
    let server = server();
    let first = Contender::start(&server, "first", TimeDelta::zero());
    assert!(first.leads_within(TICK).await);
    let tenure = first.leadership.tenure().unwrap();
    first.link.deaf.store(true, Ordering::SeqCst);
    tenure.lost().await;
    first.link.deaf.store(false, Ordering::SeqCst);
    assert!(first.leads_within(DURATION).await);
    assert!(
        tenure.fence().is_err(),
        "work of the old term must not go on in the new one"
    );
    assert!(first.leadership.tenure().unwrap().fence().is_ok());
}

#[tokio::test(start_paused = true)]
async fn clocks_hours_apart_change_nothing() {
    for hours in [-9000, -2, 2, 9000] {
        let server = server();
        let first = Contender::start(&server, "first", TimeDelta::hours(hours));
        assert!(first.leads_within(TICK).await);
        let second = Contender::start(&server, "second", TimeDelta::zero());
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            assert!(first.leadership.is_leader() && !second.leadership.is_leader());
        }
        first.task.abort();
        let dead = Instant::now();
        second.leadership.wait_until_leader().await;
        // The last renewal is noticed up to a tick late, its age another tick late.
        let took = dead.elapsed();
        assert!(
            took >= DURATION.saturating_sub(TICK) && took <= DURATION + TICK + TICK,
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_knows_at_once_that_its_time_is_over() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    let tenure = first.leadership.tenure().unwrap();
    // As after SIGSTOP: the elector's task has not run for a minute, the work's task runs first.
    first.link.cut.store(true, Ordering::SeqCst);
    first.task.abort();
    sleep(Duration::from_mins(1)).await;
    assert!(tenure.fence().is_err() && first.leadership.fence().is_err());
    assert!(timeout(Duration::from_millis(1), tenure.lost()).await.is_ok());
    assert!(second.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn without_election_the_process_always_leads() {
    let leadership = Leadership::always();
    leadership.wait_until_leader().await;
    assert!(leadership.fence().is_ok());
    assert!(timeout(Duration::from_hours(1), leadership.lost()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_write_per_renewal() {
    let server = server();
    let first = Contender::start(&server, "first", TimeDelta::zero());
    assert!(first.leads_within(TICK).await);
    let before = server.lock().unwrap().writes;
    sleep(RETRY * 10).await;
    let writes = server.lock().unwrap().writes - before;
    assert!((8..=10).contains(&writes), "{writes} writes in ten retry periods");
}

#[test]
fn two_lives_of_one_pod_have_different_identities() {
    assert_ne!(
        crate::lease::identity("operator-0"),
        crate::lease::identity("operator-0")
    );
    assert!(crate::lease::identity("operator-0").starts_with("operator-0_"));
}
