//! Stores that die: under a plan that goes and is to take its snapshots along, and in the middle of a run.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::{EtcdBackup, SnapshotPhase, labels};
use harness::{
    etcd::Version,
    oracle,
    proxy::Proxy,
    s3::{Fault, S3Server},
    versitygw::Versitygw,
    wait,
};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, phase},
    plan::{Plan, STORE_SECRET},
    world::{self, LEASE},
};

/// How long the store is waited for where that is to be seen: longer than the first pause after a failure.
const PATIENT: &str = "--deletion-timeout=15s";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_goes_waits_for_its_store_for_so_long_and_then_says_what_it_left() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "dead-store").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut operator = stage.operator(&[&LEASE[..], &[PATIENT]].concat()).await?;
    case.follow(&operator);

    // One store dies for good, another for a while, the third serves all the time.
    let mut dead = Versitygw::start_unversioned().await?;
    dead.create_bucket("dead")?;
    let away = S3Server::start("away").await?;
    let keys = [
        ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
    ];
    case.secret("away", &keys).await?;
    let delete = |name: &str, bucket: &str, endpoint: &str, secret: &str| {
        Plan::new(name, &etcd, &case)
            .with("deletionPolicy", json!("Delete"))
            .with("storage/s3/bucket", json!(bucket))
            .with("storage/s3/endpoint", json!(endpoint))
            .with("storage/s3/credentials/secretName", json!(secret))
    };
    case.apply(&delete("left", "dead", &dead.endpoint, STORE_SECRET))
        .await?;
    case.apply(&delete("emptied", "away", &away.endpoint, "away"))
        .await?;
    case.apply(&Plan::new("stays", &etcd, &case)).await?;
    case.take("of-left", "left").await?;
    case.take("of-emptied", "emptied").await?;
    let of_dead = dead.data().join("dead");
    dead.process().kill()?;
    away.plan().on_any().fails(Fault::Drop);

    let before = away.plan().seen().len();
    for plan in ["left", "emptied"] {
        case.plans().delete(plan, &DeleteParams::default()).await?;
    }
    wait::until("a store to be asked in vain", PATIENCE, async || {
        away.plan().seen().len() > before
    })
    .await?;
    for plan in ["left", "emptied"] {
        ensure!(is_held(&case, plan).await?, "{plan} went without its store");
    }
    away.plan().clear();
    // Nobody else waits for the stores.
    case.take("meanwhile", "stays").await?;
    gone(&case, "emptied").await?;
    ensure!(away.objects().is_empty(), "left: {:?}", away.objects().keys());

    gone(&case, "left").await?;
    let told = case.event("LeftInStore", "left").await?;
    // What is left: what was listed last and when, or why nobody knows any more.
    let either = ["1 snapshots by its listing of", "could not be listed at"];
    ensure!(
        told.contains("within 15s; left at s3://dead/backups")
            && either.iter().any(|what| told.contains(what)),
        "the event says: {told}"
    );
    let events = case.events().await?;
    let left = events
        .iter()
        .filter(|event| event.reason.as_deref() == Some("LeftInStore"));
    ensure!(left.count() == 1, "of what is gone it says too that it is left");
    oracle::check_store(&of_dead, Version::V3_6)
        .await?
        .ensure_number(1)?;

    // As Kubernetes' garbage collector does: without their plan they do not wait for any store.
    for name in ["of-left", "of-emptied"] {
        case.snapshots().delete(name, &DeleteParams::default()).await?;
    }
    wait::until_ok("the snapshots to be gone", PATIENCE, async || {
        let names = case.snapshot_names().await?;
        ensure!(names == ["meanwhile"], "there are {names:?}");
        Ok(())
    })
    .await?;
    case.finish(&etcd).await?.ensure_number(1)?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

/// Whether a plan that was deleted is still there for its finalizer.
async fn is_held(case: &Case, plan: &str) -> Result<bool> {
    let plan = case.plans().get_opt(plan).await.context("get it")?;
    let held = |plan: &EtcdBackup| plan.finalizers().iter().any(|one| one == labels::FINALIZER);
    Ok(plan.is_some_and(|plan| held(&plan)))
}

async fn gone(case: &Case, plan: &str) -> Result<()> {
    wait::until_ok(format!("{plan} to be gone"), PATIENCE, async || {
        match case.plans().get_opt(plan).await.context("get it")? {
            None => Ok(()),
            Some(_) => bail!("it is there"),
        }
    })
    .await
}

#[tokio::test]
async fn a_bucket_that_is_deleted_in_the_middle_of_a_run_ends_it_for_good_and_is_not_made_again() -> Result<()>
{
    let (mut case, _) = Case::begin("bucket-gone").await?;
    let gateway = Versitygw::start_unversioned().await?;
    case.stores_as_user(&gateway, "doomed").await?;
    gateway.allow_all_but("doomed", &[]).await?;
    let etcd = data::etcd(Version::V3_6).await?;
    // More than one part, and a stream that stands still after the first.
    data::bulk(&etcd, 24_000).await?;
    let wire = Proxy::before(etcd.member(0).port())?;
    let endpoint = format!("http://127.0.0.1:{}", wire.port());
    let plan = Plan::new("prod", &etcd, &case).with("etcd/endpoints", json!([endpoint]));
    case.apply(&plan.with("retries", json!(3))).await?;
    wire.hold_after(14_000_000);
    case.ask("first", "prod").await?;
    wait::until_ok("the first part to be stored", PATIENCE, async || {
        let stored = gateway.count("UploadPart", "doomed")?;
        ensure!(stored == 1, "{stored} are");
        Ok(())
    })
    .await?;
    let running = case.snapshots().get("first").await?;
    ensure!(
        phase(&running) == SnapshotPhase::Running,
        "it is {:?}",
        phase(&running)
    );

    fs::remove_dir_all(&case.folder).context("delete the bucket")?;
    wire.heal();
    let (reason, message) = case.failed("first").await?;
    ensure!(
        reason == "NoSuchBucket" && message.contains("doomed"),
        "{reason}: {message}"
    );
    let status = case.snapshots().get("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(1),
        "it took {:?} attempts",
        status.attempts
    );
    case.condition("prod", "StoreReachable", "False", "NoSuchBucket")
        .await?;
    case.condition("prod", "Ready", "False", "NoSuchBucket").await?;
    ensure!(!case.folder.exists(), "the bucket was made again");
    ensure!(gateway.count("CreateBucket", "doomed")? == 0, "it was asked for");

    // Somebody makes it again: it is another bucket, empty, and serves.
    gateway.create_bucket("doomed")?;
    gateway.allow_all_but("doomed", &[]).await?;
    case.condition("prod", "StoreReachable", "True", "Succeeded")
        .await?;
    case.take("second", "prod").await?;
    case.finish(&etcd).await?.ensure_number(1)
}
