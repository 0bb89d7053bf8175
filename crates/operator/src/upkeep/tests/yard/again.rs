//! When what failed is tried again.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_secret_of_etcd_that_is_missing_is_looked_for_again_without_being_asked_to() {
    let mut bench = bench();
    bench.acts("main", Act::NoEtcd(Failure::transient("SecretNotFound", "none")));
    bench.upkeep.request(plan("main", 1), Job::Sync);
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(matches!(&result.found.etcd, Some(Err(failure)) if failure.reason == "SecretNotFound"));
    bench.acts("main", Act::Succeed);
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert_eq!(result.found.etcd, Some(Ok(())));
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 2, "and then no more");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_at_growing_intervals_until_it_passes() {
    let mut bench = bench();
    bench.acts("main", Act::Fail(Failure::transient("StoreUnavailable", "down")));
    bench.upkeep.request(plan("main", 1), prune(false));
    for _ in 0..8 {
        bench.woken().await;
        assert_eq!(
            bench
                .upkeep
                .result("uid-main")
                .unwrap()
                .found
                .retention
                .clone()
                .unwrap()
                .unwrap_err()
                .reason,
            "StoreUnavailable"
        );
    }
    let times: Vec<Instant> = bench.done().iter().map(|done| done.2).collect();
    let pauses: Vec<u64> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect();
    assert_eq!(pauses, [6, 11, 21, 41, 81, 161, 301]);
    assert!(
        bench.done().iter().all(|done| done.1.prune.is_some()),
        "what was asked for is not forgotten"
    );
    bench.acts("main", Act::Succeed);
    bench.woken().await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 9);
    assert!(!bench.upkeep.is_busy("uid-main"));
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_waits_for_the_next_request() {
    let mut bench = bench();
    bench.acts(
        "main",
        Act::Fail(Failure::lasting("PrefixInUse", "somebody else's")),
    );
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_spec_does_not_wait_for_the_old_ones_pause() {
    let mut bench = bench();
    bench.acts("main", Act::Fail(Failure::transient("StoreUnavailable", "down")));
    bench.upkeep.request(plan("main", 1), Job::Sync);
    for _ in 0..7 {
        bench.woken().await;
    }
    let changed = Instant::now();
    bench.acts("main", Act::Succeed);
    bench.upkeep.request(plan("main", 2), Job::Sync);
    bench.woken().await;
    assert!(bench.upkeep.result("uid-main").unwrap().found.catalogue.is_ok());
    assert!(
        changed.elapsed() <= Duration::from_secs(2),
        "{:?}",
        changed.elapsed()
    );
}
