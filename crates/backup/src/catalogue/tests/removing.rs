use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    testing::{Fault, Lies, Op, denied, down},
    write::Fenced,
};

/// A fence that is always open.
const ALLOWED: fn() -> Result<(), Fenced> = || Ok(());
/// Nobody wants it.
fn unwanted() -> std::future::Ready<Result<(), RemoveError>> {
    std::future::ready(Ok(()))
}

#[tokio::test]
async fn removing_a_backup_removes_its_manifest_first_and_nothing_else() {
    let (store, entries) = bucket(3).await;
    put_foreign(&store).await;
    let before = everything(&store).await;
    remove(&store, &entries[1], &ALLOWED, unwanted()).await.unwrap();
    let deleted: Vec<_> = store
        .log()
        .into_iter()
        .filter(|(op, _)| *op == Op::Delete)
        .map(|(_, key)| key)
        .collect();
    assert_eq!(
        deleted,
        [entries[1].location.manifest_key(), entries[1].snapshot_key()]
    );
    let expected: Vec<_> = before
        .into_iter()
        .filter(|object| !deleted.contains(&object.key))
        .collect();
    assert_eq!(
        everything(&store).await,
        expected,
        "every other object is the very same"
    );
}

#[tokio::test]
async fn a_removal_that_is_killed_anywhere_leaves_a_backup_or_an_orphan_and_can_be_resumed() {
    let calls = {
        let (store, entries) = bucket(2).await;
        remove(&store, &entries[0], &ALLOWED, unwanted()).await.unwrap();
        store.operations()
    };
    assert_eq!(calls, 4);
    for fault in [Fault::Hang, Fault::DoAndHang] {
        for number in 0..calls {
            let (store, entries) = bucket(2).await;
            let faulty = store.clone().at(number, fault);
            tokio::select! {
                done = remove(&faulty, &entries[0], &ALLOWED, unwanted()) => panic!("{done:?}"),
                () = faulty.hangs() => {}
            }
            let left = Faulty::new(store.inner.clone());
            let found = catalogue(&left).await;
            assert!(found.broken.is_empty(), "call {number}");
            assert!(found.backups.contains(&entries[1]), "call {number}");
            remove(&left, &entries[0], &ALLOWED, unwanted()).await.unwrap();
            let found = catalogue(&left).await;
            assert_eq!(
                (found.backups, found.orphans),
                (entries[1..].to_vec(), vec![]),
                "call {number}"
            );
        }
    }
}

#[tokio::test]
async fn a_failure_before_the_manifest_is_gone_leaves_the_whole_backup() {
    for (op, times) in [(Op::Get, 1), (Op::Delete, 1)] {
        for error in [denied as fn() -> _, down] {
            let (store, entries) = bucket(2).await;
            let faulty = store.clone().on(op, times, Fault::Fail(error));
            let failed = remove(&faulty, &entries[0], &ALLOWED, unwanted())
                .await
                .unwrap_err();
            assert!(failed.is_still_a_backup());
            assert_eq!(failed.reason(), error().reason());
            assert_eq!(catalogue(&Faulty::new(store.inner)).await.backups, entries);
        }
    }
}

#[tokio::test]
async fn a_store_that_says_it_removed_a_manifest_and_did_not_is_found_out_before_the_snapshot_goes() {
    let (store, entries) = bucket(2).await;
    let liar = store.clone().with_lies(Lies {
        keeps_what_is_deleted: true,
        ..Lies::default()
    });
    let error = remove(&liar, &entries[0], &ALLOWED, unwanted())
        .await
        .unwrap_err();
    assert_eq!((error.reason(), error.is_still_a_backup()), ("StillThere", true));
    assert_eq!(catalogue(&store).await.backups, entries);
}

#[tokio::test]
async fn a_manifest_that_changed_since_the_decision_is_not_removed() {
    let (store, entries) = bucket(2).await;
    let mut other = entries[0].manifest.clone();
    other.degraded = !other.degraded;
    put(
        &store,
        &entries[0].location.manifest_key(),
        &other.to_bytes().unwrap(),
    )
    .await;
    let before = everything(&store).await;
    assert_eq!(
        remove(&store, &entries[0], &ALLOWED, unwanted())
            .await
            .unwrap_err()
            .reason(),
        "Changed"
    );
    put(&store, &entries[0].location.manifest_key(), b"junk").await;
    assert_eq!(
        remove(&store, &entries[0], &ALLOWED, unwanted())
            .await
            .unwrap_err()
            .reason(),
        "Changed"
    );
    assert_eq!(everything(&store).await.len(), before.len());
}

#[tokio::test]
async fn whoever_may_no_longer_write_removes_nothing_more() {
    for allowed in 0..2 {
        let (store, entries) = bucket(2).await;
        let asked = AtomicUsize::new(0);
        let fence = || {
            if asked.fetch_add(1, Ordering::SeqCst) < allowed {
                Ok(())
            } else {
                Err(Fenced("another leads".into()))
            }
        };
        assert_eq!(
            remove(&store, &entries[0], &fence, unwanted())
                .await
                .unwrap_err()
                .reason(),
            "Fenced"
        );
        let deletes = store.log().iter().filter(|(op, _)| *op == Op::Delete).count();
        assert_eq!(deletes, allowed);
    }
}

#[tokio::test]
async fn what_somebody_wants_while_the_store_is_asked_is_not_removed() {
    for half_removed in [false, true] {
        let (store, entries) = bucket(2).await;
        if half_removed {
            let manifest = entries[0].location.manifest_key();
            store.inner.delete(&manifest).await.unwrap();
        }
        let before = everything(&store).await;
        // Nobody did when the removal began.
        let asked = || store.log().iter().any(|(op, _)| *op == Op::Get);
        let begun = store.log().len();
        let spare = async {
            assert!(asked() && store.log().len() > begun, "it is the last question");
            Err(Spared::by_request("Pinned", "somebody pinned it").into())
        };
        let error = remove(&store, &entries[0], &ALLOWED, spare).await.unwrap_err();
        assert_eq!((error.reason(), error.is_transient()), ("Pinned", false));
        assert!(error.is_still_a_backup());
        assert_eq!(everything(&store).await, before);
    }
}
