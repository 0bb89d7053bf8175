//! Snapshots that somebody asks for.

use anyhow::{Result, ensure};
use etcd_backup_api::SnapshotPhase;
use kube::ResourceExt;

use super::{case::Case, outcome::phase, plan::Plan};

#[tokio::test]
async fn kubectl_waits_for_a_snapshot_and_shows_it_in_one_line() -> Result<()> {
    let (case, world) = Case::begin("by-hand").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    case.ask("before-upgrade", "prod").await?;
    let wait = [
        "wait",
        "--for=condition=Complete",
        "--timeout=90s",
        "esnap/before-upgrade",
        "-n",
        "by-hand",
    ];
    case.kubectl.run(&wait)?;

    let snapshot = case.succeeded("before-upgrade").await?;
    let status = snapshot.status.clone().unwrap_or_default();
    let facts = status.snapshot.unwrap_or_default();
    let revision = status.etcd.unwrap_or_default().revision.unwrap_or_default();
    let stored = status.object.unwrap_or_default();
    let row =
        words(
            &case
                .kubectl
                .run(&["get", "esnap", "before-upgrade", "-n", "by-hand", "--no-headers"])?,
        );
    let wanted = [
        "before-upgrade".to_owned(),
        "prod".to_owned(),
        "Succeeded".to_owned(),
        revision.to_string(),
        facts.total_keys.unwrap_or_default().to_string(),
        facts.size.to_string(),
        stored.size.to_string(),
    ];
    // Two ages follow.
    ensure!(
        row.len() == 9 && row[..7] == wanted,
        "the row is {row:?}, not {wanted:?} and two ages"
    );
    ensure!(
        stored.url.starts_with("s3://by-hand/backups/by-hand/prod/"),
        "its URL is {}",
        stored.url
    );

    let plan = case.until_plan("prod", "its last success", |plan| {
        let success = plan
            .status
            .as_ref()
            .and_then(|status| status.last_success.as_ref());
        success.is_some_and(|success| success.snapshot == "before-upgrade")
    });
    plan.await?;
    let row = words(
        &case
            .kubectl
            .run(&["get", "ebk", "prod", "-n", "by-hand", "--no-headers"])?,
    );
    // NAME, LAST SUCCESS, SNAPSHOTS, READY, AGE: without a schedule two columns are empty.
    ensure!(row.len() == 5 && row[2..4] == ["1", "True"], "the row is {row:?}");
    let started = case.event("SnapshotStarted", "before-upgrade").await?;
    ensure!(
        started.contains("is the only member"),
        "why this member is not told: {started}"
    );
    case.event("SnapshotSucceeded", "before-upgrade").await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn each_token_of_the_annotation_run_now_gives_one_snapshot() -> Result<()> {
    let (case, world) = Case::begin("run-now").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let mut seen = Vec::new();
    // The second time nothing may come of it; that it did not, the count after the last token says.
    for token in ["monday", "monday", "tuesday"] {
        case.run_now("prod", token).await?;
        let answered = format!("the answer to {token}");
        let plan = case.until_plan("prod", answered, |plan| {
            plan.status
                .as_ref()
                .and_then(|status| status.last_run_now.as_deref())
                == Some(token)
        });
        plan.await?;
        for snapshot in case.all_snapshots().await? {
            let name = snapshot.name_any();
            case.succeeded(&name).await?;
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
    }
    ensure!(seen.len() == 2, "two tokens made {seen:?}");
    ensure!(
        seen.iter().all(|name| name.starts_with("prod-now-")),
        "they are called {seen:?}"
    );
    case.event("SnapshotRequested", "prod").await?;
    case.finish(&world.subject).await?.ensure_number(2)
}

#[tokio::test]
async fn a_snapshot_of_a_plan_that_is_not_there_waits_for_it() -> Result<()> {
    let (case, world) = Case::begin("plan-comes-later").await?;
    case.ask("early", "prod").await?;
    let waiting = case.until_snapshot("early", "it to wait for its plan", |snapshot| {
        let status = snapshot.status.as_ref();
        phase(snapshot) == SnapshotPhase::Pending
            && status.and_then(|status| status.reason.as_deref()) == Some("PlanNotFound")
    });
    waiting.await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let snapshot = case.succeeded("early").await?;
    let owners = snapshot.owner_references();
    ensure!(
        owners.len() == 1 && owners[0].kind == "EtcdBackup" && owners[0].name == "prod",
        "it is owned by {owners:?}"
    );
    case.finish(&world.subject).await?;
    Ok(())
}

fn words(row: &str) -> Vec<String> {
    row.split_whitespace().map(str::to_owned).collect()
}
