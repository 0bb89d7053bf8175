//! The write pipeline's promises, as sentences.

mod edges;
mod forms;
mod lies;
mod sources;
mod spooling;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use etcd_backup_store::{LIST_CAP, MemoryStore, Store, list_all};

use crate::{
    catalogue::{Age, Catalogue, list, sweep},
    layout::PlanKey,
    manifest::Level,
    owner::claim,
    read::prove,
    testing::{Faulty, PLAN, live_now, owner},
};

fn plan() -> PlanKey {
    PlanKey::new(PLAN.0, PLAN.1).unwrap()
}

/// A memory store with small parts, and the prefix claimed.
async fn claimed() -> Faulty {
    let store = Faulty::new(MemoryStore::new().with_part_size(256 << 10));
    claim(&store.inner, &plan(), &owner(), live_now()).await.unwrap();
    store
}

/// Keys besides the owner's, and unfinished uploads.
async fn leftovers(store: &Faulty) -> (Vec<String>, usize) {
    let keys = list_all(&store.inner, "", LIST_CAP)
        .await
        .unwrap()
        .into_iter()
        .map(|object| object.key);
    let keys = keys.filter(|key| !key.ends_with("owner.json")).collect();
    (keys, store.inner.list_uploads("").await.unwrap().len())
}

async fn nothing_is_left(store: &Faulty) {
    assert_eq!(leftovers(store).await, (vec![], 0));
}

/// The invariant of every crash: what is visible as a backup is a complete one, and once a sweep has come by, nothing else
/// is there.
async fn a_complete_backup_or_nothing(store: &Faulty, context: &str) -> bool {
    let Catalogue {
        backups,
        broken,
        foreign,
        ..
    } = list(&store.inner, &plan()).await.unwrap();
    assert!(broken.is_empty(), "{context}: {broken:?}");
    assert_eq!(foreign, 0, "{context}");
    let inner: Arc<dyn Store> = Arc::new(store.inner.clone());
    for backup in &backups {
        prove(&inner, &backup.manifest, Level::Readback).await.unwrap();
    }
    let later = Age {
        now: live_now() + TimeDelta::days(2),
        timeout: Duration::from_hours(2),
        under_way_since: None,
    };
    sweep(&store.inner, &plan(), &owner(), later, &|| Ok(()))
        .await
        .unwrap();
    let (keys, uploads) = leftovers(store).await;
    assert_eq!(
        (keys.len(), uploads),
        (2 * backups.len(), 0),
        "{context}: {keys:?}"
    );
    assert_eq!(
        list(&store.inner, &plan()).await.unwrap().backups,
        backups,
        "{context}"
    );
    !backups.is_empty()
}
