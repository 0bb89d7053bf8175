//! How runs end, and who is told.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_panic_fails_that_run_and_the_others_go_on() {
    let bench = bench();
    let series = bench.metrics.track_plan("a", "plan");
    bench.fake.set("bad", Act::Panic);
    bench.runs.submit(alone("a", "bad"));
    for number in 0..10 {
        bench.runs.submit(alone("a", &format!("s{number}")));
    }
    let failure = bench.failure("bad").await;
    assert_eq!((failure.reason.as_str(), failure.transient), ("Internal", true));
    assert!(!failure.message.contains("secret"));
    for number in 0..10 {
        assert_eq!(bench.failure(&format!("s{number}")).await.reason, "Fake");
    }
    drop(series);
    assert!(
        bench
            .metrics
            .encode()
            .unwrap()
            .contains(r#"result="Failed",reason="Internal"} 1"#)
    );
    let text = bench.metrics.encode().unwrap();
    assert!(text.contains(r#"etcd_backup_run_errors_total{stage="total",reason="Internal"} 1"#));
    assert!(text.contains(r#"etcd_backup_run_errors_total{stage="total",reason="Fake"} 10"#));
}

#[tokio::test(start_paused = true)]
async fn a_run_beyond_its_deadline_is_told_to_stop_and_says_so() {
    let bench = bench();
    bench
        .fake
        .set("slow", Act::UntilCancelled(Duration::from_secs(3)));
    let began = Instant::now();
    bench.runs.submit(RunRequest {
        deadline: Duration::from_mins(1),
        ..alone("a", "slow")
    });
    let failure = bench.failure("slow").await;
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("DeadlineExceeded", true)
    );
    assert!(began.elapsed() >= Duration::from_secs(63) && began.elapsed() < Duration::from_secs(64));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_stop_is_dropped_and_frees_its_place() {
    let bench = bench();
    bench.fake.set("deaf", Act::Deaf);
    bench.runs.submit(RunRequest {
        deadline: Duration::from_mins(1),
        ..request("a", "deaf", "https://etcd:2379")
    });
    bench.runs.submit(request("a", "next", "https://etcd:2379"));
    let began = Instant::now();
    assert_eq!(bench.failure("deaf").await.reason, "DeadlineExceeded");
    assert!(began.elapsed() < Duration::from_secs(72));
    tokio::task::yield_now().await;
    assert!(matches!(bench.runs.state("next"), Some(RunState::Running { .. })));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_what_waits_at_once_and_what_runs_after_its_cleanup() {
    let bench = one_runs_and_one_waits().await;
    bench.runs.cancel("waiting");
    assert!(
        matches!(bench.runs.state("waiting"), Some(RunState::Done(Err(failure))) if failure.reason == "Cancelled")
    );
    bench.runs.cancel("running");
    assert!(matches!(
        bench.runs.state("running"),
        Some(RunState::Running { .. })
    ));
    let failure = bench.failure("running").await;
    assert_eq!((failure.reason.as_str(), failure.transient), ("Cancelled", false));
    assert_eq!(bench.fake.started(), ["running"]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_run_is_stopped_and_leaves_nothing() {
    let bench = one_runs_and_one_waits().await;
    bench.runs.forget("running");
    bench.runs.forget("waiting");
    assert!(bench.runs.state("waiting").is_none());
    sleep(Duration::from_secs(6)).await;
    assert!(bench.runs.state("running").is_none());
    assert_eq!(bench.runs.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_reconcile_is_woken_at_the_start_and_at_the_end_of_a_run_that_does_not_move() {
    let mut bench = bench();
    bench.runs.submit(alone("a", "silent"));
    bench.failure("silent").await;
    let mut woken = Vec::new();
    while let Ok(object) = bench.wakes.try_recv() {
        woken.push((object.namespace.unwrap(), object.name));
    }
    assert_eq!(woken, vec![("a".to_owned(), "silent".to_owned()); 2]);
}
