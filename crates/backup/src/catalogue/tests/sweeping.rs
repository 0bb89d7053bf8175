use std::time::Duration;

use super::*;
use crate::{
    testing::{Fault, Lies, Op, denied, down},
    write::Fenced,
};

/// A fence that is always open.
const ALLOWED: fn() -> Result<(), Fenced> = || Ok(());

/// So many hours later, where a run may take two.
fn later(hours: i64) -> Age {
    Age {
        now: live_now() + TimeDelta::hours(hours),
        timeout: Duration::from_hours(2),
        under_way_since: None,
    }
}

/// Sweeps as if it were two days later.
async fn sweep_later(store: &Faulty) -> Result<Swept, SweepError> {
    sweep(store, &plan(), &owner(), later(48), &ALLOWED).await
}

/// A bucket with two backups, a snapshot without a manifest and an unfinished upload.
async fn littered() -> (Faulty, Vec<Entry>, Location) {
    let (store, entries) = bucket(2).await;
    let orphan = location(live_now(), 77);
    put_snapshot(&store, &orphan).await;
    let upload = store
        .inner
        .upload(&location(live_now(), 78).snapshot_key(Form {
            zstd: true,
            age: false,
        }))
        .await
        .unwrap();
    upload.part(1, Bytes::from_static(b"part")).await.unwrap();
    (store, entries, orphan)
}

#[tokio::test]
async fn a_sweep_removes_own_leftovers_and_nothing_else() {
    let (store, entries, orphan) = littered().await;
    put_foreign(&store).await;
    let somebody = "kube-system/prod/upload-of-a-person";
    store.inner.upload(somebody).await.unwrap();
    store
        .inner
        .upload("kube-system/prod-2/0000000000000001/20200101T000000Z-aaaaaaaa/snapshot.db")
        .await
        .unwrap();
    let before = everything(&store).await;
    let swept = sweep_later(&store).await.unwrap();
    assert_eq!(swept.snapshots, [orphan.snapshot_key(Form::default())]);
    assert_eq!((swept.uploads.len(), swept.failed.len()), (1, 0));
    let expected: Vec<_> = before
        .into_iter()
        .filter(|object| !swept.snapshots.contains(&object.key))
        .collect();
    assert_eq!(everything(&store).await, expected);
    assert_eq!(
        store.inner.list_uploads("").await.unwrap().len(),
        2,
        "other people's uploads"
    );
    assert_eq!(catalogue(&store).await.backups, entries);
}

#[tokio::test]
async fn what_is_young_or_under_way_is_left_alone() {
    let (store, ..) = littered().await;
    let before = everything(&store).await;
    let swept = sweep(&store, &plan(), &owner(), later(23), &ALLOWED)
        .await
        .unwrap();
    assert!(swept.snapshots.is_empty() && swept.uploads.is_empty());
    // Its timeout was shortened meanwhile: what began before it is over all the same, and it is not.
    let begun = |minutes| Age {
        under_way_since: Some(live_now() + TimeDelta::minutes(minutes)),
        ..later(48)
    };
    for minutes in [0, 30] {
        let swept = sweep(&store, &plan(), &owner(), begun(minutes), &ALLOWED)
            .await
            .unwrap();
        assert!(
            swept.snapshots.is_empty() && swept.uploads.is_empty(),
            "{minutes}"
        );
    }
    assert_eq!(everything(&store).await, before);
    let swept = sweep(&store, &plan(), &owner(), begun(90), &ALLOWED)
        .await
        .unwrap();
    assert_eq!((swept.snapshots.len(), swept.uploads.len()), (1, 1));
}

#[tokio::test]
async fn what_a_run_of_days_may_still_need_is_left_alone_until_it_is_surely_over() {
    let (store, ..) = littered().await;
    // Half an hour from where it turns, on either side: the store's clock goes on while this runs.
    for (hours, minutes, swept) in [
        (25, 24 * 60 + 30, 0),
        (72, 71 * 60 + 30, 0),
        (72, u64::MAX / 60, 0),
        (73, 71 * 60 + 30, 2),
    ] {
        let age = Age {
            timeout: Duration::from_mins(minutes),
            ..later(hours)
        };
        let found = sweep(&store, &plan(), &owner(), age, &ALLOWED).await.unwrap();
        let gone = found.snapshots.len() + found.uploads.len();
        assert_eq!(
            gone, swept,
            "after {hours} hours, with a timeout of {minutes} minutes"
        );
    }
}

#[tokio::test]
async fn a_clock_that_went_back_sweeps_nothing() {
    let (store, ..) = littered().await;
    for now in ["1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z"] {
        let swept = sweep(
            &store,
            &plan(),
            &owner(),
            Age {
                now: now.parse().unwrap(),
                ..later(0)
            },
            &ALLOWED,
        )
        .await
        .unwrap();
        assert!(swept.snapshots.is_empty() && swept.uploads.is_empty());
    }
}

#[tokio::test]
async fn a_prefix_that_is_not_surely_ours_is_not_swept() {
    let (store, ..) = littered().await;
    let before = everything(&store).await;
    let other = Owner {
        plan_uid: Some("another".into()),
        ..owner()
    };
    let error = sweep(&store, &plan(), &other, later(48), &ALLOWED)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "PrefixInUse");
    assert_eq!(everything(&store).await, before);
    store.inner.delete(&plan().owner_key()).await.unwrap();
    assert_eq!(sweep_later(&store).await.unwrap_err().reason(), "PrefixUnclaimed");
    assert_eq!(everything(&store).await.len(), before.len() - 1);
}

#[tokio::test]
async fn an_empty_or_partial_listing_removes_nothing_that_has_a_manifest() {
    let (store, entries, _) = littered().await;
    let empty = store.clone().with_lies(Lies::listing(|_| vec![]));
    assert!(sweep_later(&empty).await.unwrap().snapshots.is_empty());
    // Every manifest is left out: by the listing, all snapshots are orphans.
    let partial = store.clone().with_lies(Lies::listing(|objects| {
        objects
            .into_iter()
            .filter(|object| !object.key.ends_with("manifest.json"))
            .collect()
    }));
    assert_eq!(
        sweep_later(&partial).await.unwrap().snapshots.len(),
        1,
        "only the one that is an orphan in truth"
    );
    assert_eq!(catalogue(&store).await.backups, entries);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_asked_for_is_not_taken_for_absent() {
    for error in [denied as fn() -> _, down] {
        let (store, ..) = littered().await;
        let before = everything(&store).await;
        let swept = sweep_later(&store.clone().on(Op::Head, 1, Fault::Fail(error)))
            .await
            .unwrap();
        assert_eq!((swept.snapshots.len(), swept.failed.len()), (0, 1));
        assert_eq!(everything(&store).await, before);
    }
}

#[tokio::test]
async fn a_delete_that_is_denied_is_told_and_not_counted() {
    let (store, ..) = littered().await;
    let faulty = store.clone().on(Op::Delete, usize::MAX, Fault::Fail(denied)).on(
        Op::AbortUpload,
        usize::MAX,
        Fault::Fail(denied),
    );
    let swept = sweep_later(&faulty).await.unwrap();
    assert!(swept.snapshots.is_empty() && swept.uploads.is_empty());
    assert_eq!(swept.failed.len(), 2);
    assert!(
        swept
            .failed
            .iter()
            .all(|(_, error)| error.reason() == "PermissionDenied")
    );
}

#[tokio::test]
async fn whoever_may_no_longer_write_sweeps_nothing_more() {
    let (store, ..) = littered().await;
    let before = everything(&store).await;
    let fenced = || Err(Fenced("another leads".into()));
    let error = sweep(&store, &plan(), &owner(), later(48), &fenced)
        .await
        .unwrap_err();
    assert_eq!(error.reason(), "Fenced");
    assert_eq!(everything(&store).await, before);
}
