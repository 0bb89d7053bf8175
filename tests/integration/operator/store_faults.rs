//! Stores that lie, stumble, and lose answers: what becomes of the snapshot in the end.

use anyhow::{Result, ensure};
use etcd_backup_api::EtcdBackup;
use harness::{
    etcd::Version,
    s3::{Conditions, Damage, Fault, Operation, Quirks, S3Server},
};
use serde_json::json;

use super::{case::Case, data, plan::Plan};

/// A case whose plan stores in a server of this process.
async fn with_server(name: &str) -> Result<(Case, S3Server, harness::etcd::Etcd)> {
    let (mut case, _) = Case::begin(name).await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    case.apply(&Plan::new("prod", &etcd, &case).into(&server)).await?;
    Ok((case, server, etcd))
}

/// Our own keys of snapshots and manifests.
fn stored(server: &S3Server) -> Vec<String> {
    let keys = server.objects().into_keys();
    keys.filter(|key| !key.ends_with("/owner.json")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_damages_is_found_and_never_counts_as_a_backup() -> Result<()> {
    let (case, server, etcd) = with_server("damaged").await?;
    let damages = [
        (Damage::Flip, "Integrity"),
        (Damage::FlipAndTell, "Corrupted"),
        (Damage::Truncate(7), "Corrupted"),
    ];
    for (number, (damage, expected)) in damages.into_iter().enumerate() {
        server.plan().clear();
        server
            .plan()
            .on(Operation::UploadPart)
            .fails(Fault::Corrupt(damage));
        let name = format!("attempt-{number}");
        case.ask(&name, "prod").await?;
        let (reason, message) = case.failed(&name).await?;
        // What the store tells of itself is Corrupted; what only reading back finds is a question of Integrity.
        ensure!(reason == expected, "{damage:?}: {reason}: {message}");
        ensure!(
            stored(&server).is_empty(),
            "{damage:?} left {:?}",
            stored(&server)
        );
    }
    case.condition("prod", "LastRunSucceeded", "False", "Corrupted")
        .await?;
    case.condition("prod", "Ready", "False", "Corrupted").await?;
    server.plan().clear();
    case.take("sound", "prod").await?;
    case.condition("prod", "Ready", "True", "Succeeded").await?;
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_asks_to_slow_down_gets_its_snapshot_later() -> Result<()> {
    let (case, server, etcd) = with_server("throttled").await?;
    for operation in [
        Operation::CreateUpload,
        Operation::UploadPart,
        Operation::CompleteUpload,
        Operation::Put,
    ] {
        server
            .plan()
            .on(operation)
            .times(1)
            .fails(Fault::answer(503, "SlowDown"));
    }
    case.take("first", "prod").await?;
    ensure!(
        server.plan().count(Operation::CompleteUpload) >= 2,
        "it was not asked again"
    );
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_the_deed_and_loses_the_answer_costs_no_snapshot() -> Result<()> {
    let (case, server, etcd) = with_server("lost-answers").await?;
    server
        .plan()
        .on(Operation::CompleteUpload)
        .times(1)
        .fails(Fault::ApplyThenDrop);
    server
        .plan()
        .on(Operation::Put)
        .key("manifest.json")
        .times(1)
        .fails(Fault::ApplyThenDrop);
    let status = case.take("first", "prod").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(1),
        "it took {:?} attempts",
        status.attempts
    );
    case.finish_in(&server, &etcd).await?.ensure_number(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_create_only_serves_and_the_plan_says_so() -> Result<()> {
    let (mut case, world) = Case::begin("replaces").await?;
    let quirks = Quirks {
        put_conditions: Conditions::Ignored,
        complete_conditions: Conditions::Ignored,
        ..Quirks::default()
    };
    let server = S3Server::start_with(&case.bucket, quirks).await?;
    case.stores_in_process().await?;
    case.apply(&Plan::new("prod", &world.subject, &case).into(&server))
        .await?;
    case.take("first", "prod").await?;
    let words = "If-None-Match";
    case.condition_saying("prod", "StoreReachable", ["True", "Succeeded"], words)
        .await?;
    case.finish_in(&server, &world.subject).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_inside_a_200_is_no_success() -> Result<()> {
    let (case, server, etcd) = with_server("error-in-200").await?;
    server
        .plan()
        .on(Operation::CompleteUpload)
        .times(1)
        .fails(Fault::ErrorInside200);
    case.take("first", "prod").await?;
    ensure!(
        server.plan().count(Operation::CompleteUpload) >= 2,
        "it was not asked again"
    );
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_attempt_is_tried_again_under_another_key() -> Result<()> {
    let (case, server, etcd) = with_server("tried-again").await?;
    case.edit("prod", json!({"spec": {"retries": 1}})).await?;
    server
        .plan()
        .on(Operation::UploadPart)
        .times(1)
        .fails(Fault::Corrupt(Damage::Flip));
    case.ask("first", "prod").await?;
    let failed = case.event("AttemptFailed", "first").await?;
    ensure!(
        failed.contains("verify what is stored"),
        "the event says: {failed}"
    );
    let status = case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(2),
        "it took {:?} attempts",
        status.attempts
    );
    let uploads = server.plan().seen();
    let mut keys: Vec<_> = uploads
        .iter()
        .filter(|request| request.operation == Operation::CreateUpload)
        .map(|request| request.key.clone())
        .collect();
    keys.dedup();
    ensure!(keys.len() == 2, "the attempts wrote to {keys:?}");
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_store_says_about_our_credentials_is_not_repeated() -> Result<()> {
    let (case, server, etcd) = with_server("echo").await?;
    server
        .plan()
        .on(Operation::CreateUpload)
        .fails(Fault::EchoCredentials { status: 403 });
    case.ask("first", "prod").await?;
    let (reason, message) = case.failed("first").await?;
    ensure!(reason == "PermissionDenied", "{reason}: {message}");
    server
        .plan()
        .on(Operation::List)
        .fails(Fault::EchoCredentials { status: 403 });
    case.condition("prod", "StoreReachable", "False", "PermissionDenied")
        .await?;
    server.plan().clear();
    case.condition("prod", "StoreReachable", "True", "Succeeded")
        .await?;
    // The judge looks for the keys, which were in every answer, in logs, events and statuses.
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_locks_stays_with_the_time_until_which_and_goes_when_it_may() -> Result<()> {
    let (case, server, etcd) = with_server("locked").await?;
    case.edit("prod", json!({"spec": {"retention": {"keepLast": 1}}}))
        .await?;
    let until = "2099-01-02T03:04:05Z";
    // Whatever it tried to delete all the same would be refused.
    let refuses = Fault::answer(403, "AccessDenied");
    server.plan().on(Operation::Delete).fails(refuses);
    server.plan().on(Operation::Head).fails(Fault::Header {
        name: "x-amz-object-lock-retain-until-date",
        value: until.to_owned(),
    });
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    pruned(&case, 2, 1).await?;
    case.condition_saying("prod", "RetentionSucceeded", ["True", "Succeeded"], until)
        .await?;
    ensure!(
        server.plan().count(Operation::Delete) == 0,
        "it tried {} times",
        server.plan().count(Operation::Delete)
    );
    // Backups go on meanwhile, and the next one after the lock is over finds what may go.
    case.condition("prod", "LastRunSucceeded", "True", "Succeeded")
        .await?;
    server.plan().clear();
    case.take("c", "prod").await?;
    pruned(&case, 1, 0).await?;
    case.finish_in(&server, &etcd).await?.ensure_number(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pinned_while_the_store_is_away_is_not_pruned_when_it_is_back() -> Result<()> {
    let (case, server, etcd) = with_server("pinned-meanwhile").await?;
    case.edit("prod", json!({"spec": {"retention": {"keepLast": 1}}}))
        .await?;
    case.take("good", "prod").await?;
    pruned(&case, 1, 0).await?;
    let away = Fault::answer(503, "SlowDown");
    server.plan().on(Operation::List).fails(away);
    case.take("bad", "prod").await?;
    // Retention was asked for, and waits for the store.
    case.condition("prod", "RetentionSucceeded", "False", "Throttled")
        .await?;
    case.pin("good").await?;
    server.plan().clear();
    pruned(&case, 2, 0).await?;
    ensure!(
        server.plan().count(Operation::Delete) == 0,
        "something was deleted"
    );
    // What is unpinned is kept no longer than the policy says.
    case.unpin("good").await?;
    case.take("next", "prod").await?;
    pruned(&case, 1, 0).await?;
    case.finish_in(&server, &etcd).await?.ensure_number(1)
}

/// Waits until retention has kept so many, of which so many for their lock alone.
async fn pruned(case: &Case, kept: u32, locked: u32) -> Result<()> {
    let what = format!("retention to keep {kept}, {locked} of them for a lock");
    let done = |plan: &EtcdBackup| {
        let retention = plan.status.as_ref().and_then(|status| status.retention.as_ref());
        retention.is_some_and(|done| (done.kept, done.locked) == (kept, locked))
    };
    case.until_plan("prod", what, done).await.map(drop)
}
