//! Who runs, and who waits.

use super::*;

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_run_at_once_and_all_run_in_the_end() {
    let bench = bench();
    for number in 0..20 {
        bench
            .runs
            .submit(alone(["a", "b", "c", "d"][number % 4], &format!("s{number}")));
    }
    assert_eq!(bench.runs.counts(), (4, 16));
    bench.failure("s19").await;
    assert_eq!(bench.fake.started().len(), 20);
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 4);
    assert_eq!(bench.runs.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_many_runs_does_not_hold_up_another() {
    let bench = bench();
    for number in 0..100 {
        bench.runs.submit(alone("greedy", &format!("g{number}")));
    }
    bench.runs.submit(alone("modest", "m0"));
    bench.runs.submit(alone("modest", "m1"));
    bench.failure("m1").await;
    let place = bench.fake.started().iter().position(|name| name == "m1").unwrap();
    assert!(
        place < 4 + 4,
        "the second of the modest namespace started as number {place}"
    );
}

#[tokio::test(start_paused = true)]
async fn slow_runs_of_one_namespace_leave_a_place_for_another() {
    let bench = bench();
    for number in 0..20 {
        let name = format!("g{number}");
        bench.fake.set(&name, Act::Deaf);
        bench.runs.submit(alone("greedy", &name));
    }
    let most = Limits::default().max_concurrent;
    assert_eq!(bench.runs.counts(), (most - 1, 20 - (most - 1)));
    for name in ["m0", "m1"] {
        bench.runs.submit(alone("modest", name));
        assert!(matches!(bench.runs.state(name), Some(RunState::Running { .. })));
        assert_eq!(bench.failure(name).await.reason, "Fake");
    }
}

/// Turns alone would give a namespace of long runs most places: it takes one at each of its turns, and gives few back.
#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_is_for_the_namespace_that_holds_fewest() {
    let bench = bench_within(Limits {
        max_concurrent: 7,
        ..Limits::default()
    });
    let minutes = [("long", 60), ("short", 1), ("middle", 7)];
    for number in 0..60 {
        for (namespace, length) in minutes {
            let name = format!("{namespace}-{number}");
            bench.fake.set(&name, Act::Take(Duration::from_mins(length)));
            bench.runs.submit(alone(namespace, &name));
        }
    }
    let running = |namespace: &str| {
        let runs = (0..60).filter(|number| {
            let state = bench.runs.state(&format!("{namespace}-{number}"));
            matches!(state, Some(RunState::Running { .. }))
        });
        runs.count()
    };
    // As long as all of them have something waiting. The seventh is for one that has none.
    for _ in 0..20 {
        sleep(Duration::from_secs(61)).await;
        let held = minutes.map(|(namespace, _)| running(namespace));
        assert_eq!(held, [2, 2, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_place_of_a_pool_is_for_any_namespace() {
    let one = Limits {
        max_concurrent: 1,
        ..Limits::default()
    };
    let bench = bench_within(one);
    for number in 0..3 {
        bench.runs.submit(alone("a", &format!("s{number}")));
    }
    bench.failure("s2").await;
    assert_eq!(bench.fake.started(), ["s0", "s1", "s2"]);
}

#[tokio::test(start_paused = true)]
async fn one_cluster_is_read_by_one_run_at_a_time_whoever_asks_and_however_it_is_spelled() {
    let bench = bench();
    for (namespace, name, endpoint) in [
        ("a", "a1", "https://etcd:2379"),
        ("a", "a2", "https://ETCD:2379/"),
        ("b", "b1", "https://etcd:2379"),
        ("b", "b2", "https://other:2379"),
    ] {
        bench.runs.submit(request(namespace, name, endpoint));
    }
    tokio::task::yield_now().await;
    assert_eq!(bench.runs.counts(), (2, 2));
    for uid in ["a1", "a2", "b1", "b2"] {
        bench.failure(uid).await;
    }
    assert_eq!(bench.fake.clash.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_known_cluster_id_counts_even_when_the_endpoints_differ() {
    let bench = bench();
    for (name, endpoint) in [("s1", "https://one:2379"), ("s2", "https://two:2379")] {
        let mut request = request("a", name, endpoint);
        Arc::make_mut(&mut request.plan).spec.etcd.cluster_id = Some("cdf818194e3a8c32".into());
        bench.runs.submit(request);
    }
    assert_eq!(bench.runs.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn asking_twice_is_asking_once_and_a_higher_attempt_runs_again() {
    let bench = bench();
    for _ in 0..5 {
        bench.runs.submit(alone("a", "s"));
    }
    bench.failure("s").await;
    bench.runs.submit(alone("a", "s"));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(bench.fake.started().len(), 1);
    bench.runs.submit(RunRequest {
        attempt: 2,
        ..alone("a", "s")
    });
    assert!(matches!(bench.runs.state("s"), Some(RunState::Running { .. })));
    bench.failure("s").await;
    assert_eq!(bench.fake.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_submits_are_cheap_even_when_none_of_them_can_start() {
    let bench = bench();
    let before = std::time::Instant::now();
    for number in 0..10_000 {
        bench.runs.submit(request(
            &format!("ns{}", number % 100),
            &format!("s{number}"),
            "https://etcd:2379",
        ));
    }
    assert_eq!(bench.runs.counts(), (1, 9_999));
    // Searching the queue at each submit would be 50 million steps.
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_have_places_of_their_own_and_share_the_clusters() {
    let bench = bench();
    for number in 0..Limits::default().max_concurrent - 1 {
        bench.runs.submit(alone("a", &format!("here-{number}")));
    }
    bench.runs.submit(alone("a", "waits"));
    bench.runs.submit(by_job(alone("a", "job")));
    bench
        .runs
        .submit(by_job(request("a", "same-etcd", "https://here-0:2379")));
    assert!(matches!(bench.runs.state("waits"), Some(RunState::Queued { .. })));
    assert!(matches!(bench.runs.state("job"), Some(RunState::Running { .. })));
    assert!(matches!(
        bench.runs.state("same-etcd"),
        Some(RunState::Queued { .. })
    ));
    assert_eq!(bench.failure("same-etcd").await.reason, "Fake");
    assert_eq!(bench.fake.clash.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn jobs_do_not_take_more_than_their_own_places() {
    let bench = bench();
    let most = Limits::default().max_jobs;
    for number in 1..=most {
        bench.runs.submit(by_job(alone("a", &format!("job-{number}"))));
    }
    assert_eq!(bench.runs.counts(), (most - 1, 1));
    bench.runs.submit(by_job(alone("b", "job-of-another")));
    assert_eq!(bench.runs.counts(), (most, 1));
    bench.runs.submit(alone("a", "here"));
    assert_eq!(bench.runs.counts(), (most + 1, 1));
    assert_eq!(bench.failure(&format!("job-{most}")).await.reason, "Fake");
}
