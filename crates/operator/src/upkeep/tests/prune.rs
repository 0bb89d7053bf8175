//! What retention removes from a store, and what it leaves alone.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use etcd_backup_backup::layout::{ClusterId, Location};
use etcd_backup_backup::owner;
use etcd_backup_store::Lock;
use serde_json::{Value, json};

use super::bench::{Bench, CLUSTER, FORM, keeping, key, now, owner, prune};
use crate::fixtures::plan;
use crate::upkeep::{Job, Removal};

#[tokio::test]
async fn retention_removes_what_the_policy_does_not_keep_with_its_data() {
    let bench = Bench::new().await;
    let runs = bench.daily(5).await;
    bench.said.pin(&runs[0]);
    let tended = bench.work([prune(false)], &keeping(2)).await;
    let outcome = tended.retention.unwrap().unwrap();
    let removed: Vec<_> = outcome
        .removed
        .iter()
        .map(|removal| removal.run_id.clone())
        .collect();
    assert_eq!(removed, runs[1..3], "oldest first, the pinned one stays");
    assert!(outcome.removed.iter().all(|removal| !removal.why.is_empty()));
    assert_eq!((outcome.kept, outcome.is_complete()), (3, true));
    assert_eq!(
        bench.left().await,
        [&runs[0], &runs[3], &runs[4]].map(Clone::clone)
    );
    assert_eq!(
        tended.catalogue.unwrap().backups.len(),
        3,
        "the result shows the store as it is afterwards"
    );
    assert_eq!(bench.keys().await.len(), 1 + 2 * 3, "no data is left behind");
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_removes_nothing() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    let outcome = bench.pruned(true, &keeping(1)).await.unwrap();
    assert!(outcome.dry_run);
    assert_eq!(
        outcome
            .removed
            .iter()
            .map(|removal| &removal.run_id)
            .collect::<Vec<_>>(),
        runs[..3].iter().collect::<Vec<_>>()
    );
    assert_eq!(bench.left().await, runs);
}

#[tokio::test]
async fn other_generations_and_other_bearers_of_the_name_are_left_alone() {
    let bench = Bench::new().await;
    let old_cluster = bench.backup(200, "plan-uid", ClusterId(0xb)).await;
    let somebody = bench.backup(150, "another-uid", CLUSTER).await;
    let runs = bench.daily(3).await;
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert_eq!(outcome.removed.len(), 2);
    assert_eq!(bench.left().await, [old_cluster, somebody, runs[2].clone()]);
}

#[tokio::test]
async fn a_place_that_is_somebody_elses_or_nobodys_is_not_pruned() {
    for claimed in [true, false] {
        let bench = Bench::unclaimed();
        if claimed {
            owner::claim(&*bench.store, &key(), &owner("another-uid"), now())
                .await
                .unwrap();
        }
        let runs = bench.daily(3).await;
        let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
        assert_eq!(
            failure.reason,
            if claimed { "PrefixInUse" } else { "PrefixUnclaimed" }
        );
        assert!(!failure.transient);
        assert_eq!(bench.left().await, runs);
    }
}

#[tokio::test]
async fn without_a_policy_or_without_backups_nothing_goes() {
    let bench = Bench::new().await;
    assert_eq!(bench.pruned(false, &keeping(1)).await.unwrap().kept, 0);
    let runs = bench.daily(3).await;
    assert_eq!(bench.pruned(false, &plan(json!({}))).await.unwrap().kept, 3);
    assert_eq!(bench.left().await, runs);
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_suspicious_newest_snapshot_holds_everything() {
    let bench = Bench::new().await;
    // Taken "tomorrow": this clock or the one that wrote it is wrong.
    bench.daily(3).await;
    bench.backup(-24, "plan-uid", CLUSTER).await;
    let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
    assert_eq!(failure.reason, "ClockBehind");
    assert_eq!(bench.left().await.len(), 4);
}

#[tokio::test]
async fn what_only_a_leap_of_the_clock_makes_old_stays_and_the_rest_goes() {
    let bench = Bench::new().await;
    let plan = plan(json!({"spec": {"schedule": "0 12 * * *", "retention": {"maxAge": "10d"}}}));
    let mut runs = Vec::new();
    for days in (19..30).rev() {
        runs.push(bench.backup(days * 24, "plan-uid", CLUSTER).await);
    }
    // As an outage of 19 days, or a clock that leapt.
    runs.push(bench.backup(0, "plan-uid", CLUSTER).await);
    for dry_run in [true, false] {
        let outcome = bench.pruned(dry_run, &plan).await.unwrap();
        assert_eq!(outcome.held.as_ref().unwrap().reason, "ClockLeap");
        let count = if dry_run { (11, 1) } else { (3, 9) };
        assert_eq!((outcome.removed.len(), outcome.kept), count, "dry run: {dry_run}");
    }
    assert_eq!(bench.left().await, runs[3..]);
}

#[tokio::test]
async fn a_backup_of_another_etcd_that_lies_in_the_future_does_not_decide_whose_are_pruned() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    bench.backup(-24, "plan-uid", ClusterId(7)).await;
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert_eq!((outcome.removed.len(), outcome.kept), (2, 1));
    assert!(bench.left().await.contains(&runs[2]));
}

#[tokio::test]
async fn a_dry_run_of_a_held_retention_lists_what_is_held_and_why() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    bench.backup(-24, "plan-uid", CLUSTER).await;
    let outcome = bench.pruned(true, &keeping(1)).await.unwrap();
    assert_eq!(outcome.held.as_ref().unwrap().reason, "ClockBehind");
    let listed: Vec<_> = outcome.removed.iter().map(|removal| &removal.run_id).collect();
    assert_eq!(listed, runs.iter().collect::<Vec<_>>());
    assert_eq!((outcome.kept, bench.left().await.len()), (1, 4));
}

#[tokio::test]
async fn what_is_locked_stays_and_is_told_until_its_lock_has_ended() {
    let bench = Bench::new().await;
    let runs = bench.daily(5).await;
    bench.lock(
        4,
        Location::manifest_key,
        Lock::Until(now() + TimeDelta::seconds(1)),
    );
    bench.lock(3, |location| location.snapshot_key(FORM), Lock::Held);
    bench.lock(2, Location::manifest_key, Lock::Until(now()));
    for dry_run in [true, false] {
        let tended = bench.work([prune(dry_run)], &keeping(1)).await;
        let outcome = tended.retention.unwrap().unwrap();
        let ids = |removals: &[Removal]| -> Vec<_> {
            removals.iter().map(|removal| removal.run_id.clone()).collect()
        };
        assert_eq!(ids(&outcome.locked), runs[..2]);
        assert_eq!(outcome.locked[0].why, "locked until 2026-11-23T12:00:01Z");
        assert_eq!(outcome.locked[1].why, "locked by a legal hold");
        assert_eq!(ids(&outcome.removed), runs[2..4], "dry run: {dry_run}");
        assert_eq!((outcome.kept, outcome.is_complete()), (3, true));
    }
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 4);
    assert_eq!(
        bench.left().await,
        [&runs[0], &runs[1], &runs[4]].map(Clone::clone)
    );
}

#[tokio::test]
async fn what_is_gone_already_is_told_as_removed_once_its_time_has_come() {
    let bench = Bench::new().await;
    let runs = bench.daily(5).await;
    let listed = bench.work([Job::Sync], &keeping(9)).await.catalogue.unwrap();
    let missing =
        [0, 3].map(|index: usize| listed.backups[index].candidate(&owner("plan-uid"), false, false, false));
    let deletions = [0, 3].map(|index: usize| Job::DeleteRun {
        run_id: runs[index].clone(),
    });
    bench
        .work(deletions, &keeping(9))
        .await
        .deletion
        .unwrap()
        .unwrap();
    let told = async |dry_run| {
        let job = Job::Prune {
            dry_run,
            missing: missing.to_vec(),
        };
        let outcome = bench.work([job], &keeping(2)).await.retention.unwrap().unwrap();
        let removed = outcome.removed.into_iter().map(|removal| removal.run_id);
        removed.collect::<Vec<_>>()
    };
    // What the store holds is judged as if it had never held more.
    assert_eq!(told(true).await, runs[1..2]);
    assert_eq!(told(false).await, runs[..2]);
    assert_eq!(bench.left().await, [runs[2].clone(), runs[4].clone()]);
    assert_eq!(told(false).await, runs[..1], "until nobody names it any more");
}

#[tokio::test]
async fn what_the_plan_itself_locks_stays_where_the_store_tells_of_no_lock() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    let s3 = json!({"bucket": "b", "objectLock": {"mode": "COMPLIANCE", "retainFor": "2d"}});
    let plan = plan(json!({"spec": {"retention": {"keepLast": 1}, "storage": {"s3": s3}}}));
    let outcome = bench.work([prune(false)], &plan).await.retention;
    let outcome = outcome.unwrap().unwrap();
    assert_eq!(outcome.locked.len(), 1);
    assert_eq!(bench.left().await, runs[2..]);
}

#[tokio::test]
async fn a_lock_is_reported_and_five_errors_are_enough() {
    let bench = Bench::new().await;
    let runs = bench.daily(10).await;
    bench.store.locked.store(true, Ordering::SeqCst);
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert!(outcome.removed.is_empty() && !outcome.is_complete());
    assert_eq!(outcome.refused.len(), 9);
    assert_eq!(outcome.refused[0].failure.reason, "Locked");
    assert_eq!(outcome.refused[5].failure.reason, "NotTried");
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 5);
    assert_eq!(bench.left().await, runs);
}

#[tokio::test]
async fn a_time_zone_that_does_not_exist_stops_retention_and_says_so() {
    let bench = Bench::new().await;
    bench.daily(3).await;
    let spec: Value = json!({"spec": {"retention": {"keepLast": 1}, "timeZone": "Mars/Olympus"}});
    let failure = bench.pruned(false, &plan(spec)).await.unwrap_err();
    assert_eq!(failure.reason, "InvalidSpec");
    assert_eq!(bench.left().await.len(), 3);
}

#[tokio::test]
async fn nothing_goes_while_the_store_has_another_time_whichever_is_wrong() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    for (ahead, said) in [(901, "15m1s ahead of"), (-86_400, "1d behind")] {
        *bench.store.ahead.lock().unwrap() = Some(ahead);
        let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
        assert_eq!((failure.reason.as_str(), failure.transient), ("ClockSkew", false));
        assert!(failure.message.contains(said), "{}", failure.message);
        let shown = bench.pruned(true, &keeping(1)).await.unwrap();
        assert_eq!(shown.held.map(|held| held.reason).as_deref(), Some("ClockSkew"));
        assert_eq!(bench.left().await, runs);
    }
    for ahead in [Some(900), Some(-900), None] {
        *bench.store.ahead.lock().unwrap() = ahead;
        assert!(bench.pruned(false, &keeping(1)).await.unwrap().held.is_none());
    }
    assert_eq!(bench.left().await, runs[2..]);
}
