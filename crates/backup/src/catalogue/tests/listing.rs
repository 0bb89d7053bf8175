//! What a listing is taken for.

use super::*;
use crate::testing::{Fault, Lies, Op, denied, down};

#[tokio::test]
async fn backups_of_all_generations_are_listed_oldest_first_by_their_recorded_time() {
    let (store, mut expected) = bucket(150).await;
    let other = Location {
        cluster: ClusterId(1),
        ..location(live_now() - TimeDelta::days(300), 7)
    };
    let oldest = manifest(&other, other.run.started(), SNAPSHOT);
    put_snapshot(&store, &other).await;
    put(&store, &other.manifest_key(), &oldest.to_bytes().unwrap()).await;
    expected.insert(
        0,
        Entry {
            location: other,
            manifest: oldest,
        },
    );
    let found = catalogue(&store).await;
    assert_eq!(found.backups, expected);
    assert_eq!(
        (found.broken.len(), found.orphans.len(), found.foreign),
        (0, 0, 0)
    );
    assert_eq!(
        found.newest(expected.last().unwrap().manifest.times.started),
        expected.last()
    );
}

#[tokio::test]
async fn keys_that_are_not_exactly_ours_are_counted_as_foreign_and_nothing_else() {
    let (store, expected) = bucket(3).await;
    let foreign = put_foreign(&store).await;
    let found = catalogue(&store).await;
    assert_eq!(found.backups, expected);
    assert_eq!(
        (found.foreign, found.broken.len(), found.orphans.len()),
        (foreign, 0, 0)
    );
}

#[tokio::test]
async fn a_manifest_whose_snapshot_is_gone_or_of_another_length_is_broken() {
    let (store, entries) = bucket(3).await;
    store.inner.delete(&entries[0].snapshot_key()).await.unwrap();
    put(&store, &entries[1].snapshot_key(), b"short").await;
    let found = catalogue(&store).await;
    assert_eq!(found.backups, entries[2..]);
    let reasons: Vec<_> = found.broken.iter().map(|broken| broken.reason.clone()).collect();
    assert_eq!(
        reasons,
        [
            BrokenReason::SnapshotMissing,
            BrokenReason::SnapshotLength {
                expected: 19,
                actual: 5
            }
        ]
    );
}

#[tokio::test]
async fn a_manifest_of_another_backup_that_was_copied_in_is_broken() {
    let (store, entries) = bucket(2).await;
    put(
        &store,
        &entries[0].location.manifest_key(),
        &entries[1].manifest.to_bytes().unwrap(),
    )
    .await;
    let found = catalogue(&store).await;
    assert_eq!(found.backups, entries[1..]);
    assert_eq!(found.broken[0].reason.reason(), "ManifestMisplaced");
}

#[tokio::test]
async fn a_manifest_that_is_junk_or_endless_is_broken_and_does_not_hide_the_others() {
    let (store, entries) = bucket(3).await;
    put(&store, &entries[0].location.manifest_key(), b"{}").await;
    put(&store, &entries[1].location.manifest_key(), &vec![b' '; 10 << 20]).await;
    let found = catalogue(&store).await;
    assert_eq!(found.backups, entries[2..]);
    assert_eq!(
        found
            .broken
            .iter()
            .map(|broken| broken.reason.reason())
            .collect::<Vec<_>>(),
        ["ManifestInvalid", "ManifestTooLarge"]
    );
}

#[tokio::test]
async fn a_snapshot_without_a_manifest_is_an_orphan_and_not_a_backup() {
    let (store, entries) = bucket(2).await;
    store
        .inner
        .delete(&entries[0].location.manifest_key())
        .await
        .unwrap();
    let found = catalogue(&store).await;
    assert_eq!(found.backups, entries[1..]);
    assert_eq!(
        found
            .orphans
            .iter()
            .map(|orphan| &orphan.location)
            .collect::<Vec<_>>(),
        [&entries[0].location]
    );
}

#[tokio::test]
async fn a_listing_that_is_unsorted_and_repeats_itself_gives_the_same_catalogue() {
    let (store, _) = bucket(20).await;
    let truth = catalogue(&store).await;
    let store = store.with_lies(Lies::listing(|mut objects| {
        objects.reverse();
        [objects.clone(), objects].concat()
    }));
    assert_eq!(catalogue(&store).await, truth);
}

#[tokio::test]
async fn a_listing_that_leaves_snapshots_out_does_not_break_their_backups() {
    let (store, entries) = bucket(5).await;
    let store = store.with_lies(Lies::listing(|objects| {
        objects
            .into_iter()
            .filter(|object| !object.key.ends_with("snapshot.db"))
            .collect()
    }));
    assert_eq!(catalogue(&store).await.backups, entries);
}

#[tokio::test]
async fn a_listing_that_still_shows_what_was_removed_brings_nothing_back() {
    let (store, entries) = bucket(3).await;
    let stale = everything(&store).await;
    for key in [
        entries[0].location.manifest_key(),
        entries[0].snapshot_key(),
        entries[1].location.manifest_key(),
    ] {
        store.inner.delete(&key).await.unwrap();
    }
    let store = store.with_lies(Lies::listing(move |_| stale.clone()));
    let found = catalogue(&store).await;
    assert_eq!(found.backups, entries[2..]);
    assert!(found.broken.is_empty());
}

#[tokio::test]
async fn an_error_is_not_an_absence() {
    for (op, word) in [
        (Op::List, "list what the store holds"),
        (Op::Get, "read a manifest"),
        (Op::Head, "look for a snapshot"),
    ] {
        for error in [denied as fn() -> _, down] {
            let (store, entries) = bucket(3).await;
            put(&store, &entries[0].snapshot_key(), b"short").await;
            let store = store.on(op, 1, Fault::Fail(error));
            let failed = list(&store, &plan()).await.unwrap_err();
            assert!(failed.to_string().starts_with(word), "{failed}");
            assert_eq!(failed.is_transient(), error().is_transient());
        }
    }
}

#[tokio::test]
async fn a_listing_without_end_is_an_error() {
    let (store, _) = bucket(2).await;
    let store = store.with_lies(Lies {
        endless_listing: true,
        ..Lies::default()
    });
    assert_eq!(list(&store, &plan()).await.unwrap_err().reason(), "Corrupted");
}

#[tokio::test]
async fn retention_sees_whose_a_backup_is_and_whether_it_counts() {
    let (_, entries) = bucket(1).await;
    let entry = &entries[0];
    let standing = |owner: &Owner, damaged| entry.candidate(owner, false, false, damaged).standing;
    assert_eq!(standing(&owner(), false), Standing::Verified);
    assert_eq!(standing(&owner(), true), Standing::Unverified);
    assert_eq!(
        standing(
            &Owner {
                plan_uid: Some("another".into()),
                ..owner()
            },
            false
        ),
        Standing::Foreign
    );
    assert_eq!(
        standing(
            &Owner {
                kubernetes_cluster_uid: None,
                ..owner()
            },
            false
        ),
        Standing::Foreign
    );
    let candidate = entry.candidate(&owner(), true, true, false);
    assert_eq!(
        (candidate.time, candidate.generation),
        (entry.manifest.times.started, ClusterId(0xc0ff_ee00))
    );
    assert!(candidate.pinned && candidate.in_use);
}

#[tokio::test]
async fn the_plans_of_a_bucket_are_those_whose_folders_could_be_theirs() {
    let (store, _) = bucket(1).await;
    for key in [
        "other/plan-2/owner.json",
        "a/b/c/d",
        "Not/a-plan/x",
        "not/A-plan/x",
        "file",
        "folder/file",
        ".hidden/x/y",
    ] {
        put(&store, key, b"x").await;
    }
    let found: Vec<_> = plans(&store.inner)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        ["a/b".to_owned(), plan().to_string(), "other/plan-2".to_owned()]
    );
}

#[tokio::test]
async fn one_backup_is_found_by_where_it_lies_and_its_absence_is_no_error() {
    let (store, entries) = bucket(3).await;
    let wanted = &entries[1];
    let found = find(&store.inner, &wanted.location).await.unwrap();
    assert_eq!(found, Some(Ok(wanted.clone())));
    store.inner.delete(&wanted.snapshot_key()).await.unwrap();
    let broken = find(&store.inner, &wanted.location)
        .await
        .unwrap()
        .unwrap()
        .unwrap_err();
    assert_eq!(broken.reason, BrokenReason::SnapshotMissing);
    store.inner.delete(&wanted.location.manifest_key()).await.unwrap();
    assert_eq!(find(&store.inner, &wanted.location).await.unwrap(), None);
}
