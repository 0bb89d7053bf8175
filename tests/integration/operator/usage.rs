//! docs/usage.md, executed as written.

use std::fs;

use anyhow::{Result, ensure};
use etcd_backup_api::{EtcdSnapshot, SnapshotPhase};
use harness::{
    runbook::{self, Shell},
    scratch, wait,
};
use kube::api::DeleteParams;
use serde_json::json;
use tempfile::TempDir;

use super::{
    case::Case,
    outcome::{PATIENCE, phase},
    plan::Plan,
    world::World,
};

/// The snapshot that the document takes, keeps and lets go.
const SAMPLE: &str = "prod-before-upgrade";

/// What somebody has who reads the document.
struct Reader {
    shell: Shell,
    _folder: TempDir,
}

impl Reader {
    /// A kubeconfig for this namespace, and a directory for the plugin.
    async fn of(world: &World, namespace: &str) -> Result<Self> {
        let folder = scratch::folder("usage")?;
        let kubeconfig = folder.path().join("kubeconfig");
        fs::copy(world.stage.server.admin_kubeconfig(), &kubeconfig)?;
        let shell = Shell::plain()?
            .tools(folder.path())
            .environment("KUBECONFIG", &kubeconfig.to_string_lossy())
            .environment("KUBECACHEDIR", &folder.path().join("cache").to_string_lossy())
            .name("/usr/local/bin", &folder.path().to_string_lossy())
            .name("namespace monitoring", &format!("namespace {namespace}"));
        let chosen = format!("kubectl config set-context --current --namespace={namespace}");
        shell.run(&chosen).await?;
        Ok(Self {
            shell,
            _folder: folder,
        })
    }

    async fn pastes(&self, section: &str) -> Result<String> {
        self.shell.run(&runbook::block("docs/usage.md", section)?).await
    }
}

#[tokio::test]
async fn what_the_document_has_for_every_day_does_what_it_says() -> Result<()> {
    let (case, world) = Case::begin("usage").await?;
    let reader = Reader::of(world, "usage").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan.with("retention", json!({"keepLast": 9})))
        .await?;

    let help = reader.pastes("plugin").await?;
    ensure!(help.contains("Usage: kubectl etcd-backup"), "{help}");
    reader.pastes("now").await?;
    ensure!(succeeded(&case).await? == 2, "two were asked for and waited for");
    let told = reader.pastes("age").await?;
    let of_plan = told.lines().filter(|line| line.starts_with("usage ")).count();
    ensure!(of_plan == 2, "it is not told twice: {told}");
    reader.pastes("run-now").await?;
    wait::until("a third snapshot", PATIENCE, async || {
        succeeded(&case).await.is_ok_and(|count| count == 3)
    })
    .await?;

    case.unpin(SAMPLE).await?;
    reader.pastes("pin").await?;
    ensure!(case.snapshots().get(SAMPLE).await?.spec.pin, "it is not pinned");
    reader.pastes("pause").await?;
    ensure!(
        case.plans().get("prod").await?.spec.suspend,
        "it is not suspended"
    );
    let retention = reader.pastes("dry-run").await?;
    ensure!(retention.contains("\"kept\":"), "{retention}");
    reader.pastes("monitoring").await?;
    let told = reader.pastes("describe").await?;
    ensure!(told.contains("Conditions:") && told.contains("Events:"), "{told}");

    // Pinned, so it waits; without its finalizer it goes, and is shown again, since what it stored stays.
    case.snapshots().delete(SAMPLE, &DeleteParams::default()).await?;
    case.event("KeptPinned", SAMPLE).await?;
    reader.pastes("let-go").await?;
    wait::until("it to be shown again", PATIENCE, async || {
        let going = |snapshot: &EtcdSnapshot| snapshot.metadata.deletion_timestamp.is_some();
        let all = case.all_snapshots().await.unwrap_or_default();
        all.len() == 3 && !all.iter().any(going)
    })
    .await?;
    case.finish(&world.subject).await?.ensure_number(3)
}

/// How many snapshots have succeeded.
async fn succeeded(case: &Case) -> Result<usize> {
    let all = case.all_snapshots().await?;
    let done = |snapshot: &&EtcdSnapshot| phase(snapshot) == SnapshotPhase::Succeeded;
    Ok(all.iter().filter(done).count())
}
