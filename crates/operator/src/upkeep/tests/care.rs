//! What upkeep does to a store.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use etcd_backup_backup::layout::{ClusterId, Location, RunId};
use etcd_backup_backup::owner;
use etcd_backup_store::{PutMode, Store};

use super::bench::{Bench, CLUSTER, FORM, keeping, key, now, owner, prune};
use crate::upkeep::Job;

#[tokio::test]
async fn a_listing_changes_nothing_and_needs_no_claim() {
    let bench = Bench::unclaimed();
    let run = bench.backup(1, "plan-uid", CLUSTER).await;
    let before = bench.keys().await;
    let tended = bench.work([Job::Sync], &keeping(1)).await;
    assert_eq!(
        tended
            .catalogue
            .unwrap()
            .newest(now())
            .unwrap()
            .location
            .run
            .to_string(),
        run
    );
    assert!(tended.retention.is_none() && tended.deletion.is_none());
    assert_eq!(bench.keys().await, before);
}

#[tokio::test]
async fn whoever_no_longer_leads_removes_nothing() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    bench.fenced.store(true, Ordering::SeqCst);
    let delete = Job::DeleteRun {
        run_id: runs[0].clone(),
    };
    let tended = bench.work([prune(false), delete], &keeping(1)).await;
    assert_eq!(tended.retention.unwrap().unwrap_err().reason, "LeadershipLost");
    assert_eq!(tended.deletion.unwrap().unwrap_err().reason, "LeadershipLost");
    assert_eq!(bench.left().await, runs);
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_backup_is_deleted_on_request_and_a_second_request_finds_it_gone() {
    let bench = Bench::new().await;
    let runs = bench.daily(3).await;
    for _ in 0..2 {
        let delete = Job::DeleteRun {
            run_id: runs[1].clone(),
        };
        let deletion = bench.work([delete], &keeping(9)).await.deletion.unwrap().unwrap();
        assert!(deletion.complete);
        assert_eq!(deletion.gone, BTreeSet::from([runs[1].clone()]));
    }
    assert_eq!(bench.left().await, [runs[0].clone(), runs[2].clone()]);
}

#[tokio::test]
async fn a_backup_of_another_bearer_of_the_name_is_not_deleted_by_its_run_id() {
    let bench = Bench::new().await;
    let somebody = bench.backup(5, "another-uid", CLUSTER).await;
    let delete = Job::DeleteRun {
        run_id: somebody.clone(),
    };
    let deletion = bench.work([delete], &keeping(9)).await.deletion.unwrap().unwrap();
    assert!(!deletion.complete && deletion.gone.is_empty());
    assert_eq!(deletion.refused[0].failure.reason, "NotRemovable");
    assert_eq!(bench.left().await, [somebody]);
}

#[tokio::test]
async fn deleting_everything_leaves_an_empty_place_that_a_new_plan_may_claim() {
    let bench = Bench::new().await;
    bench.daily(3).await;
    bench.backup(99, "plan-uid", ClusterId(0xb)).await;
    let orphan = Location {
        plan: key(),
        cluster: CLUSTER,
        run: RunId::new(now(), [2; 5]).unwrap(),
    };
    bench
        .store
        .put(
            &orphan.snapshot_key(FORM),
            Bytes::from_static(b"half"),
            PutMode::Create,
        )
        .await
        .unwrap();
    let deletion = bench.delete_all().await;
    assert!(deletion.complete && deletion.gone.len() == 4);
    assert_eq!(bench.keys().await, Vec::<String>::new());
    owner::claim(&*bench.store, &key(), &owner("another-uid"), now())
        .await
        .unwrap();
}

#[tokio::test]
async fn deleting_everything_keeps_what_others_wrote_and_their_claim() {
    let bench = Bench::unclaimed();
    owner::claim(&*bench.store, &key(), &owner("another-uid"), now())
        .await
        .unwrap();
    let somebody = bench.backup(5, "another-uid", CLUSTER).await;
    let deletion = bench.delete_all().await;
    assert!(deletion.complete, "nothing of this plan is there");
    assert_eq!(bench.left().await, [somebody]);
    assert_eq!(bench.store.deletes.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_locked_store_leaves_the_deletion_unfinished() {
    let bench = Bench::new().await;
    let runs = bench.daily(2).await;
    bench.store.locked.store(true, Ordering::SeqCst);
    let deletion = bench.delete_all().await;
    assert!(!deletion.complete && deletion.refused.len() == 2);
    assert_eq!(bench.left().await, runs);
    assert!(
        bench.keys().await.contains(&key().owner_key()),
        "the place stays ours"
    );
}

#[tokio::test]
async fn a_broken_backup_is_for_a_person_to_look_at() {
    let bench = Bench::new().await;
    let location = Location {
        plan: key(),
        cluster: CLUSTER,
        run: RunId::new(now(), [3; 5]).unwrap(),
    };
    bench
        .store
        .put(
            &location.manifest_key(),
            Bytes::from_static(b"{}"),
            PutMode::Create,
        )
        .await
        .unwrap();
    let deletion = bench.delete_all().await;
    assert!(!deletion.complete);
    assert_eq!(deletion.refused[0].failure.reason, "NotRemovable");
    assert!(bench.keys().await.contains(&location.manifest_key()));
}
