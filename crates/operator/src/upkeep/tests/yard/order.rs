//! Who is worked on, beside whom, and who is left alone.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_job_is_done_and_wakes_its_plan_with_the_result() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::Sync);
    assert!(bench.upkeep.is_busy("uid-main") && bench.upkeep.result("uid-main").is_none());
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(result.found.catalogue.is_ok() && result.found.location.as_deref() == Some("memory:"));
    sleep(Duration::from_secs(1)).await;
    assert!(!bench.upkeep.is_busy("uid-main"));
}

#[tokio::test(start_paused = true)]
async fn jobs_of_one_plan_never_overlap_and_are_folded_into_one() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::Sync);
    tokio::task::yield_now().await;
    for (run_id, dry_run) in [("a", true), ("b", false)] {
        bench.upkeep.request(plan("main", 1), Job::Sync);
        bench.upkeep.request(plan("main", 1), prune(dry_run));
        bench.upkeep.request(
            plan("main", 1),
            Job::DeleteRun {
                run_id: run_id.into(),
            },
        );
    }
    bench.woken().await;
    bench.woken().await;
    sleep(Duration::from_mins(1)).await;
    let done = bench.done();
    assert_eq!(done.len(), 2);
    assert!(!done[1].1.prune.as_ref().unwrap().dry_run, "the later one counts");
    assert_eq!(done[1].1.delete_runs.len(), 2);
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn plans_are_worked_on_side_by_side_up_to_the_limit() {
    let mut bench = bench();
    for number in 0..40 {
        let namespace = ["prod", "test"][number % 2];
        bench
            .upkeep
            .request(plan_of(namespace, &format!("p{number}"), 1), Job::Sync);
    }
    for _ in 0..40 {
        bench.woken().await;
    }
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 16);
}

#[tokio::test(start_paused = true)]
async fn slow_stores_of_one_namespace_leave_a_place_for_another() {
    let mut bench = bench();
    for number in 0..20 {
        let name = format!("slow{number}");
        bench.acts(&name, Act::Hang);
        bench.upkeep.request(plan_of("greedy", &name, 1), Job::Sync);
    }
    tokio::task::yield_now().await;
    bench.upkeep.request(plan_of("modest", "quick", 1), Job::Sync);
    let began = Instant::now();
    assert_eq!(bench.woken().await, "quick");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_ends_at_its_deadline_and_work_that_panics_does_not_take_others_along() {
    let mut bench = bench();
    bench.acts("hangs", Act::Hang);
    bench.acts("panics", Act::Panic);
    for name in ["hangs", "panics", "works"] {
        bench.upkeep.request(plan(name, 1), Job::Sync);
    }
    let mut woken = BTreeSet::new();
    while woken.len() < 3 {
        woken.insert(bench.woken().await);
    }
    let reason = |uid: &str| {
        bench
            .upkeep
            .result(uid)
            .unwrap()
            .found
            .catalogue
            .as_ref()
            .unwrap_err()
            .reason
            .clone()
    };
    assert_eq!(reason("uid-hangs"), "DeadlineExceeded");
    assert_eq!(reason("uid-panics"), "Internal");
    assert!(bench.upkeep.result("uid-works").unwrap().found.catalogue.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_plan_is_not_worked_on_and_not_woken() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::DeleteAll);
    tokio::task::yield_now().await;
    bench.upkeep.forget("uid-main");
    sleep(Duration::from_hours(1)).await;
    assert!(bench.wakes.try_recv().is_err() && bench.upkeep.result("uid-main").is_none());
    bench.upkeep.request(plan("main", 1), Job::Sync);
    bench.upkeep.request(plan("other", 1), Job::Sync);
    bench.upkeep.stand_down();
    sleep(Duration::from_hours(1)).await;
    assert!(bench.wakes.try_recv().is_err());
}
