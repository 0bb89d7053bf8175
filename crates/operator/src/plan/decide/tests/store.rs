//! When the store is listed.

use serde_json::json;

use super::*;

#[test]
fn a_plan_that_was_never_listed_is_listed() {
    let mut observed = observed();
    observed.store = None;
    assert_eq!(
        asked(&plan(json!({})), &observed, "05:01:00"),
        Some(StoreJob::Sync)
    );
    observed.asking = true;
    assert_eq!(asked(&plan(json!({})), &observed, "05:01:00"), None);
}

#[test]
fn a_listing_is_believed_for_a_while() {
    let mut observed = observed();
    observed.resync = TimeDelta::hours(1);
    let plan = seen(plan(json!({})), &observed, at("05:00:01"));
    assert_eq!(asked(&plan, &observed, "05:59:00"), None);
    assert_eq!(asked(&plan, &observed, "07:00:01"), Some(StoreJob::Sync));
}

#[test]
fn listing_again_with_the_same_answer_writes_nothing() {
    let mut observed = observed();
    observed.store = Some(store(vec![backup("00:00:00")]));
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    let plan = seen(plan(json!({})), &observed, at("05:00:01"));
    let plan = seen(plan, &observed, at("05:00:02"));
    let later = observed.store.as_mut().unwrap();
    (later.at, later.since) = (at("05:40:00"), at("05:00:00"));
    assert!(is_quiet(&decide(&plan, &observed, at("05:40:01")), &plan));
}

#[test]
fn a_changed_spec_is_taken_to_the_store_at_once() {
    let mut plan = seen(plan(json!({})), &observed(), at("05:00:01"));
    plan.metadata.generation = Some(2);
    let mut observed = observed();
    observed.asking = true;
    assert_eq!(asked(&plan, &observed, "05:00:02"), Some(StoreJob::Sync));
}
