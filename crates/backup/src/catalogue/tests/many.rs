//! Thousands of backups in one place.

use super::*;
use crate::testing::{Fault, Op};

/// Far more than retention keeps.
const THOUSANDS: usize = 5_000;

/// So many backups, an hour apart: two objects each.
async fn thousands() -> Faulty {
    let store = Faulty::new(MemoryStore::new());
    for hours in 1..=THOUSANDS {
        let time = live_now() - TimeDelta::hours(i64::try_from(hours).unwrap());
        put_backup(&store, time, 0).await;
    }
    store
}

fn count(store: &Faulty, op: Op) -> usize {
    store.log().iter().filter(|(done, _)| *done == op).count()
}

#[tokio::test]
async fn thousands_of_backups_are_listed_by_the_page_and_each_manifest_is_read_once() {
    let store = thousands().await;
    let objects = everything(&store).await.len();
    assert_eq!(objects, 2 * THOUSANDS);
    let found = catalogue(&store).await;
    assert_eq!((found.backups.len(), found.broken.len()), (THOUSANDS, 0));
    let mut page = store.inner.list("", None).await.unwrap();
    let pages = objects.div_ceil(page.objects.len());
    assert!(page.next.take().is_some(), "one page is no proof");
    assert_eq!(count(&store, Op::List), pages);
    // What a listing says of the snapshots is not asked for again.
    assert_eq!(count(&store, Op::Get), THOUSANDS);
    assert_eq!(store.operations(), pages + THOUSANDS);
}

#[tokio::test(start_paused = true)]
async fn of_thousands_of_manifests_only_a_few_are_read_at_once() {
    let store = thousands().await.on(Op::Get, THOUSANDS, Fault::Hang);
    let plan = plan();
    let listed = tokio::time::timeout(std::time::Duration::from_mins(1), list(&store, &plan)).await;
    assert!(listed.is_err(), "it ended without an answer");
    assert_eq!(count(&store, Op::Get), 8);
}
