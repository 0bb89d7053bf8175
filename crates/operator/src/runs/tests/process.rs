//! Runs of a process that ends, or leads no more.

use super::*;

#[tokio::test(start_paused = true)]
async fn draining_lets_short_runs_finish_and_stops_long_ones_within_the_grace() {
    let bench = bench();
    bench.fake.set("short", Act::Take(Duration::from_secs(5)));
    bench
        .fake
        .set("long", Act::UntilCancelled(Duration::from_secs(2)));
    for name in ["short", "long", "deaf", "s3", "waiting"] {
        bench.runs.submit(alone("a", name));
    }
    bench.fake.set("deaf", Act::Deaf);
    tokio::task::yield_now().await;
    let began = Instant::now();
    bench.runs.drain(Duration::from_secs(20)).await;
    assert!(
        began.elapsed() <= Duration::from_secs(21),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(bench.failure("short").await.reason, "Fake");
    assert_eq!(bench.failure("long").await.reason, "Interrupted");
    assert_eq!(bench.failure("deaf").await.reason, "Interrupted");
    assert!(
        bench.runs.state("waiting").is_none(),
        "it stays Pending for the next leader"
    );
    bench.runs.submit(alone("a", "late"));
    assert!(bench.runs.state("late").is_none());
    assert!(!bench.fake.started().contains(&"waiting".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn draining_an_idle_pool_takes_no_time() {
    let bench = bench();
    assert!(
        timeout(
            Duration::from_millis(1),
            bench.runs.drain(Duration::from_secs(20))
        )
        .await
        .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_lead_stops_everything_and_a_later_term_starts_afresh() {
    let bench = bench();
    bench.fake.set("s", Act::UntilCancelled(Duration::ZERO));
    bench.runs.submit(alone("a", "s"));
    tokio::task::yield_now().await;
    bench.runs.stand_down();
    let failure = bench.failure("s").await;
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("LeadershipLost", true)
    );
    bench.runs.submit(alone("a", "again"));
    assert!(matches!(
        bench.runs.state("again"),
        Some(RunState::Running { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_or_leads_no_more_lets_jobs_go_on() {
    let bench = bench();
    bench.fake.set("job", Act::Deaf);
    bench
        .fake
        .set("here", Act::UntilCancelled(Duration::from_secs(1)));
    bench.runs.submit(by_job(alone("a", "job")));
    bench.runs.submit(alone("a", "here"));
    bench.runs.stand_down();
    assert_eq!(bench.failure("here").await.reason, "LeadershipLost");
    assert!(bench.runs.state("job").is_none());
    bench.runs.submit(by_job(alone("a", "job")));
    let began = Instant::now();
    bench.runs.drain(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(bench.runs.state("job").is_none());
}
