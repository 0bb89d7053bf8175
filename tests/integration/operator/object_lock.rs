//! Buckets with Object Lock, on a server that enforces it.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata,
    operation::list_object_versions::ListObjectVersionsOutput,
    primitives::DateTime,
    types::{Object, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode},
};
use chrono::TimeDelta;
use etcd_backup_api::{EtcdBackup, RetentionStatus};
use harness::{etcd::Etcd, scratch, versitygw::Versitygw, wait};
use k8s_openapi::api::events::v1::Event;
use kube::api::DeleteParams;
use serde_json::json;
use tempfile::TempDir;

use super::{case::Case, outcome::PATIENCE, plan::Plan, schedule::now};

/// Keeps one snapshot, and lets nobody delete any for a day.
fn locking(case: &Case, etcd: &Etcd, mode: &str) -> Plan {
    Plan::new("prod", etcd, case)
        .with("retention", json!({"keepLast": 1}))
        .with("storage/s3/objectLock", json!({"mode": mode, "retainFor": "1d"}))
}

/// The retention of an object, as the server tells it.
async fn retention(client: &Client, bucket: &str, key: &str) -> Result<(ObjectLockMode, DateTime)> {
    // GetObjectRetention would say the same; versitygw answers it under a name that Amazon's client does not know.
    let head = client.head_object().bucket(bucket).key(key).send().await;
    let head = head.with_context(|| format!("ask for the headers of {key}"))?;
    let mode = head
        .object_lock_mode()
        .with_context(|| format!("{key} has no retention"))?;
    let until = head.object_lock_retain_until_date().context("it has no end")?;
    Ok((mode.clone(), *until))
}

/// The keys of all snapshots and manifests.
fn kept(case: &Case) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut objects = case.stored()?;
    objects.retain(|key, _| !key.ends_with("/owner.json"));
    Ok(objects)
}

/// Waits until retention has kept so many, of which so many for their lock alone, and gives what it did and what it says.
async fn pruned(case: &Case, kept: u32, locked: u32) -> Result<(RetentionStatus, String)> {
    let done = |plan: &EtcdBackup| {
        let retention = plan.status.as_ref()?.retention.clone()?;
        ((retention.kept, retention.locked) == (kept, locked)).then_some(retention)
    };
    let what = format!("retention to keep {kept}, {locked} of them for a lock");
    let plan = case.until_plan("prod", what, |plan| done(plan).is_some()).await?;
    let done = done(&plan).context("it is gone")?;
    let told = case
        .condition("prod", "RetentionSucceeded", "True", "Succeeded")
        .await?;
    Ok((done, told.message))
}

/// Shortens the retention of these objects, as only an administrator may, and waits until it is over.
async fn lift(client: &Client, bucket: &str, keys: impl Iterator<Item = &String>) -> Result<()> {
    let until = now() + TimeDelta::seconds(3);
    for key in keys {
        let retention = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .retain_until_date(DateTime::from_secs(until.timestamp()))
            .build();
        let request = client.put_object_retention().bucket(bucket).key(key);
        let request = request.bypass_governance_retention(true).retention(retention);
        request
            .send()
            .await
            .with_context(|| format!("lift the retention of {key}"))?;
    }
    wait::until("the retention to be over", PATIENCE, async || now() > until).await
}

#[tokio::test]
async fn what_is_locked_carries_the_retention_and_stays_until_it_is_over() -> Result<()> {
    let (mut case, world) = Case::begin("object-lock").await?;
    let gateway = Versitygw::start_unversioned().await?;
    case.stores_locked(&gateway, "locked").await?;
    let client = gateway.client();
    let begun = now();
    case.apply(&locking(&case, &world.subject, "GOVERNANCE")).await?;
    case.take("a", "prod").await?;
    let first = kept(&case)?;
    ensure!(first.len() == 2, "a snapshot is {:?}", first.keys());
    for key in first.keys() {
        let (mode, until) = retention(&client, "locked", key).await?;
        let day = (begun + TimeDelta::days(1)).timestamp()..=(now() + TimeDelta::days(1)).timestamp();
        ensure!(
            mode == ObjectLockMode::Governance && day.contains(&until.secs()),
            "{key} is kept by {mode:?} until {until:?}, which is not in {day:?}"
        );
    }

    // It should go, may not yet, and that is said: by the plan, and where the plan does not know, by the store. Nobody
    // is asked to delete what is locked.
    let stays = async |name: &str, locked: u32| -> Result<()> {
        case.take(name, "prod").await?;
        let (done, told) = pruned(&case, locked + 1, locked).await?;
        ensure!(done.removed == 0, "after {name}: {done:?}");
        let only = format!("{locked} of them only for a lock: ");
        ensure!(
            told.contains(&only) && told.contains(" (locked until 20"),
            "after {name}: {told}"
        );
        Ok(())
    };
    stays("b", 1).await?;
    case.apply(&locking(&case, &world.subject, "GOVERNANCE").without_s3("objectLock"))
        .await?;
    stays("c", 2).await?;
    let all = kept(&case)?;
    ensure!(all.len() == 6, "three snapshots are {:?}", all.keys());
    ensure!(
        first.iter().all(|(key, bytes)| all.get(key) == Some(bytes)),
        "the first one has changed"
    );
    let failed = |event: &Event| event.reason.as_deref() == Some("RetentionFailed");
    ensure!(!case.events().await?.iter().any(failed), "a removal was tried");

    lift(&client, "locked", all.keys()).await?;
    case.take("d", "prod").await?;
    let (done, told) = pruned(&case, 1, 0).await?;
    ensure!(done.removed == 3 && told == "1 kept", "{done:?}: {told}");
    case.finish(&world.subject).await?.ensure_number(1)
}

/// With versions, as with Amazon, nothing refuses to delete a locked object: it is hidden by a marker. Retention does not;
/// a person who deletes a snapshot does, and what is hidden is what the lock protects.
#[tokio::test]
async fn what_is_locked_in_a_bucket_with_versions_is_hidden_by_request_alone_and_not_lost() -> Result<()> {
    let (mut case, world) = Case::begin("object-versions").await?;
    let gateway = &world.stage.gateway;
    case.stores_locked(gateway, "locked-versions").await?;
    let client = gateway.client();
    let plan = locking(&case, &world.subject, "COMPLIANCE").with("deletionPolicy", json!("Delete"));
    case.apply(&plan).await?;
    case.take("a", "prod").await?;
    let first = kept(&case)?;
    ensure!(first.len() == 2, "a snapshot is {:?}", first.keys());
    case.take("b", "prod").await?;
    pruned(&case, 2, 1).await?;
    for key in first.keys() {
        let markers = versions(&client, &case.bucket, key).await?;
        ensure!(markers.delete_markers().is_empty(), "{key} is hidden");
    }

    case.snapshots().delete("a", &DeleteParams::default()).await?;
    wait::until_ok("the first snapshot to be gone", PATIENCE, async || {
        ensure!(case.all_snapshots().await?.len() == 1, "it is still there");
        Ok(())
    })
    .await?;
    for (key, bytes) in &first {
        let versions = versions(&client, &case.bucket, key).await?;
        ensure!(
            versions.delete_markers().len() == 1,
            "{key} was not deleted: {versions:?}"
        );
        let [version] = versions.versions() else {
            bail!("{key} is there as {:?}", versions.versions())
        };
        let id = version.version_id().context("it has no id")?;
        let request = client.get_object().bucket(&case.bucket).key(key).version_id(id);
        let body = request.send().await.with_context(|| format!("get {key}"))?.body;
        ensure!(body.collect().await?.into_bytes() == *bytes, "{key} has changed");
        let request = client
            .delete_object()
            .bucket(&case.bucket)
            .key(key)
            .version_id(id);
        let refused = request.bypass_governance_retention(true).send().await;
        let code = refused.as_ref().err().and_then(ProvideErrorMetadata::code);
        ensure!(
            code == Some("AccessDenied"),
            "the lock of {key} does not hold: {refused:?}"
        );
    }
    let listed = listed(&client, &case.bucket).await?;
    case.finish_at(listed.path(), &world.subject)
        .await?
        .ensure_number(1)
}

/// Every version of an object, and every marker that hides it.
async fn versions(client: &Client, bucket: &str, key: &str) -> Result<ListObjectVersionsOutput> {
    let request = client.list_object_versions().bucket(bucket).prefix(key);
    request
        .send()
        .await
        .with_context(|| format!("list the versions of {key}"))
}

/// What a client sees of a bucket, as files: the server's own folder also has files that stand for markers.
async fn listed(client: &Client, bucket: &str) -> Result<TempDir> {
    let folder = scratch::folder("listed")?;
    let listing = client.list_objects_v2().bucket(bucket).send().await?;
    for key in listing.contents().iter().filter_map(Object::key) {
        let got = client.get_object().bucket(bucket).key(key).send().await;
        let body = got.with_context(|| format!("get {key}"))?.body;
        let path = folder.path().join(key);
        fs::create_dir_all(path.parent().context("a key has a folder")?)?;
        fs::write(path, body.collect().await?.into_bytes()).context("write an object down")?;
    }
    Ok(folder)
}
