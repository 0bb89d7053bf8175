//! What people want while upkeep is about to remove something, or waits to.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::bench::{Bench, Now, Said, keeping, prune};
use crate::fixtures::plan;
use crate::upkeep::{Deletion, Job, Refusal, Work};

fn about(refusals: &[Refusal]) -> Vec<(&str, &str)> {
    let about = refusals
        .iter()
        .map(|refusal| (&*refusal.run_id, &*refusal.failure.reason));
    about.collect()
}

fn delete(run_id: &str) -> Job {
    Job::DeleteRun {
        run_id: run_id.to_owned(),
    }
}

async fn deleted(bench: &Bench, jobs: impl IntoIterator<Item = Job>) -> Deletion {
    let tended = bench.work(jobs, &keeping(9)).await;
    tended.deletion.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_pinned_while_others_are_pruned_stays_and_is_told() {
    let bench = Bench::new().await;
    let runs = bench.daily(5).await;
    let pinned = runs[2].clone();
    bench.meanwhile(move |said| said.pin(&pinned));
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert_eq!(bench.left().await, [runs[2].clone(), runs[4].clone()]);
    assert_eq!(about(&outcome.spared), [(&*runs[2], "Pinned")]);
    assert_eq!((outcome.kept, outcome.removed.len()), (2, 3));
    assert!(outcome.is_complete(), "it is no failure");
}

/// What is left of four, of which one is to be kept, when this happens while the first goes; and why.
async fn left_when(event: impl FnOnce(&Said) + Send + 'static) -> (usize, Vec<String>) {
    let bench = Bench::new().await;
    bench.daily(4).await;
    bench.meanwhile(event);
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert_eq!(outcome.removed.len() + outcome.kept, 4);
    let reasons = outcome.spared.into_iter().map(|spared| spared.failure.reason);
    (bench.left().await.len(), reasons.collect())
}

fn changed(changes: Value) -> Now {
    Now::Changed(Box::new(plan(changes)))
}

#[tokio::test]
async fn a_plan_that_is_put_into_a_dry_run_or_changed_while_it_is_pruned_loses_nothing_more() {
    let dry = json!({
        "metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": "true"}},
        "spec": {"retention": {"keepLast": 1}},
    });
    let going = json!({
        "metadata": {"deletionTimestamp": "2026-11-23T10:00:00Z"},
        "spec": {"retention": {"keepLast": 1}},
    });
    let keeps_more = json!({"spec": {"retention": {"keepLast": 3}}});
    let other_days = json!({"spec": {"retention": {"keepLast": 1}, "timeZone": "Asia/Tokyo"}});
    let other_store =
        json!({"spec": {"retention": {"keepLast": 1}, "storage": {"s3": {"bucket": "others"}}}});
    for (now, reason) in [
        (changed(dry), "DryRun"),
        (changed(keeps_more), "RetentionChanged"),
        (changed(json!({})), "RetentionChanged"),
        (changed(other_days), "RetentionChanged"),
        (changed(other_store), "StoreChanged"),
        (changed(going), "PlanNotFound"),
        (Now::Gone, "PlanNotFound"),
    ] {
        let left = left_when(move |said| said.change(now)).await;
        assert_eq!(left, (3, vec![reason.to_owned(); 2]));
    }
}

#[tokio::test]
async fn a_prune_that_waited_is_made_as_the_plan_is_when_its_turn_comes() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    let dry = json!({
        "metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": "true"}},
        "spec": {"retention": {"keepLast": 2}},
    });
    bench.said.change(changed(dry));
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert!(outcome.dry_run);
    assert_eq!((outcome.kept, outcome.removed.len()), (2, 2));
    bench.said.change(Now::Gone);
    let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
    assert_eq!((&*failure.reason, failure.transient), ("PlanNotFound", false));
    assert_eq!(bench.left().await, runs);
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_goes_from_a_store_that_the_plan_does_not_name_any_more() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    let moved = json!({"spec": {
        "retention": {"keepLast": 1}, "deletionPolicy": "Delete", "storage": {"s3": {"bucket": "others"}},
    }});
    bench.said.change(changed(moved));
    let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
    assert_eq!((&*failure.reason, failure.transient), ("StoreChanged", false));
    let deletion = deleted(&bench, [delete(&runs[0])]).await;
    assert_eq!(about(&deletion.refused), [(&*runs[0], "StoreChanged")]);
    assert_eq!(bench.left().await, runs);
}

#[tokio::test]
async fn the_newest_that_a_drill_restored_stays_for_as_long_as_the_plan_drills() {
    for (verification, left) in [("Restore", 2), ("Readback", 1)] {
        let bench = Bench::new().await;
        let runs = bench.daily(4).await;
        let restored = json!({
            "snapshot": "prod-1", "runID": runs[1], "snapshotTime": "2026-11-23T00:00:00Z",
            "time": "2026-11-23T01:00:00Z", "revision": 9,
        });
        let drilled = plan(json!({
            "spec": {"retention": {"keepLast": 1}, "verification": verification},
            "status": {"lastRestorable": restored},
        }));
        bench.pruned(false, &drilled).await.unwrap();
        assert_eq!(bench.left().await.len(), left, "{verification}");
    }
}

#[tokio::test]
async fn what_is_pinned_is_not_deleted_whoever_asks_and_however_much_else_goes() {
    let bench = Bench::new().await;
    let runs = bench.daily(9).await;
    runs[..7].iter().for_each(|run_id| bench.said.pin(run_id));
    let deletion = deleted(&bench, [delete(&runs[0])]).await;
    assert!(!deletion.complete && deletion.gone.is_empty());
    assert_eq!(about(&deletion.refused), [(&*runs[0], "Pinned")]);
    assert!(deletion.refused[0].failure.message.contains("pin: false"));
    let deletion = bench.delete_all().await;
    assert!(!deletion.complete && deletion.gone.len() == 2);
    assert_eq!(bench.left().await, runs[..7]);
    assert!(
        deletion
            .refused
            .iter()
            .all(|refusal| refusal.failure.reason == "Pinned" && !refusal.failure.transient)
    );
    bench.said.pinned.lock().unwrap().clear();
    assert!(bench.delete_all().await.complete);
    assert_eq!(bench.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pin_that_no_watch_has_shown_yet_holds_as_well() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    bench.said.unseen.store(true, Ordering::SeqCst);
    bench.said.pin(&runs[1]);
    let outcome = bench.pruned(false, &keeping(1)).await.unwrap();
    assert_eq!(about(&outcome.spared), [(&*runs[1], "Pinned")]);
    let deletion = deleted(&bench, [delete(&runs[1])]).await;
    assert_eq!(about(&deletion.refused), [(&*runs[1], "Pinned")]);
    assert_eq!(bench.left().await, [runs[1].clone(), runs[3].clone()]);
}

#[tokio::test]
async fn nothing_goes_while_nobody_can_say_whether_it_is_wanted_and_it_goes_once_somebody_can() {
    let bench = Bench::new().await;
    let runs = bench.daily(4).await;
    let silent = |said: &Said, silent| said.silent.store(silent, Ordering::SeqCst);
    bench.meanwhile(move |said| silent(said, true));
    let tended = bench.work([prune(false)], &keeping(1)).await;
    let mut work = Work::default();
    work.add(prune(false));
    assert!(
        tended.unfinished(&work).prune.is_some(),
        "it is tried again by itself"
    );
    let outcome = tended.retention.unwrap().unwrap();
    assert_eq!(
        about(&outcome.refused),
        [(&*runs[1], "Unasked"), (&*runs[2], "Unasked")]
    );
    let failure = bench.pruned(false, &keeping(1)).await.unwrap_err();
    assert!(failure.transient);
    let deletion = deleted(&bench, [delete(&runs[1])]).await;
    assert_eq!(about(&deletion.refused), [(&*runs[1], "Unasked")]);
    assert!(deletion.refused[0].failure.transient);
    assert_eq!(bench.left().await, runs[1..]);
    silent(&bench.said, false);
    assert!(bench.pruned(false, &keeping(1)).await.unwrap().is_complete());
    assert_eq!(bench.left().await, runs[3..]);
}

#[tokio::test]
async fn a_plan_that_says_retain_by_now_loses_nothing_more_to_a_deletion() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    bench.meanwhile(|said| said.change(changed(json!({"spec": {"deletionPolicy": "Retain"}}))));
    let deletion = deleted(&bench, [delete(&runs[0]), delete(&runs[1])]).await;
    assert_eq!(about(&deletion.refused), [(&*runs[1], "Retained")]);
    assert_eq!(bench.left().await, runs[1..]);
}

#[tokio::test]
async fn what_a_restore_begins_to_read_meanwhile_stays_and_is_deleted_later() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    bench.place.in_use.hold("restore", &runs[1]);
    let tended = bench.work([delete(&runs[1])], &keeping(9)).await;
    let deletion = tended.deletion.unwrap().unwrap();
    assert_eq!(about(&deletion.refused), [(&*runs[1], "InUse")]);
    assert!(deletion.refused[0].failure.transient);
    bench.place.in_use.release("restore");
    assert!(deleted(&bench, [delete(&runs[1])]).await.complete);
    bench.work([prune(false)], &keeping(1)).await;
    assert_eq!(bench.left().await, runs[2..]);
}
