//! The demo from beginning to end.

use std::{future::pending, path::Path, time::Duration};

use anyhow::{Context, Result};
use harness::{
    apiserver::{ApiServer, Operator as Identity},
    binaries,
    etcd::{Etcd, Version},
    operator::Operator,
    scratch,
};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Options, proof,
    screen::{Screen, line, show},
    stage::{self, Store},
    tables::{Tables, Wanted},
};

const VERSION: Version = Version::V3_6;
const OBJECTS: u32 = 40;
const ON_DEMAND: &str = "on-demand";
/// The whole demo takes less than a minute.
const MINUTE: Duration = Duration::from_mins(1);
/// What comes after the scheduled snapshot: listing, restoring, comparing.
const REST: Duration = Duration::from_secs(5);

/// Everything that runs. Dropped in this order, so that nobody loses a server he is speaking to.
struct Stage {
    operator: Operator,
    server: ApiServer,
    identity: Identity,
    store: Store,
    etcd: Etcd,
}

/// Runs the demo.
pub(crate) async fn tell(options: &Options, screen: &Screen) -> Result<()> {
    // Whoever wants to look around has the time for the schedule's turn.
    let budget = (!options.keep).then(|| Instant::now() + MINUTE - REST);
    let folder = scratch::root()?;
    line(&format!(
        "Everything below is real and runs in {}; it is removed at the end.\n",
        folder.display()
    ));
    let mut stage = set_up(options, screen).await?;
    let snapshot = back_up(screen, &stage, budget).await?;
    Box::pin(prove(screen, &stage, &snapshot)).await?;
    if options.keep {
        look_around(&stage).await;
    }
    screen
        .waiting("the operator to end its work", stage.operator.stop())
        .await?;
    Ok(())
}

async fn set_up(options: &Options, screen: &Screen) -> Result<Stage> {
    let etcd = screen.step(
        "etcd",
        "etcd to be healthy",
        Etcd::start(VERSION).tls().into_future(),
        |etcd| format!("{VERSION} at {}, with TLS", etcd.member(0).endpoint()),
    );
    let etcd = etcd.await?;
    let server = screen.step(
        "Kubernetes API",
        "the API server to be ready",
        ApiServer::start(&etcd),
        |server| {
            format!(
                "kube-apiserver at {}, which keeps its objects in that etcd",
                server.url()
            )
        },
    );
    let server = server.await?;
    let store = Store::start(options.store).await?;
    let store = screen
        .step(store.title(), "", async { Ok(store) }, Store::describe)
        .await?;
    let identity = screen.step(
        "Install",
        "kubectl apply",
        async { server.install() },
        |identity| {
            format!(
                "kubectl apply -k config/default: definitions, RBAC, service account {}",
                identity.service_account
            )
        },
    );
    let identity = identity.await?;
    let operator = stage::operator(&server, &identity, &store);
    let operator = screen.step("Operator", "the operator to be ready", operator, |_| {
        "etcd-backup operator, with that account's token (not as administrator)".to_owned()
    });
    let operator = operator.await?;
    Ok(Stage {
        operator,
        server,
        identity,
        store,
        etcd,
    })
}

/// Writes something, plans, and waits for snapshots; gives the one that was waited for last.
async fn back_up(screen: &Screen, stage: &Stage, budget: Option<Instant>) -> Result<Value> {
    let kubectl = stage.server.kubectl()?;
    let write = async { kubectl.create(&stage::objects(OBJECTS)).map(drop) };
    let written = |(): &()| format!("{OBJECTS} ConfigMaps written: something worth a backup");
    screen.step("Objects", "kubectl create", write, written).await?;
    let plan = async {
        kubectl.apply(&stage::secrets(&stage.etcd, &stage.store)?)?;
        kubectl.apply(&stage::plan(&stage.etcd, &stage.store)?).map(drop)
    };
    let planned =
        |(): &()| "every-minute, from config/samples: back up that same etcd every minute".to_owned();
    screen.step("Plan", "kubectl apply", plan, planned).await?;
    let ask = async {
        kubectl.create(&format!(
            r#"{{"apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdSnapshot", "metadata": {{"name": "{ON_DEMAND}"}},
                 "spec": {{"backupName": "every-minute"}}}}"#
        ))
    };
    let asked = |_: &String| format!("{ON_DEMAND}: one more, now");
    screen.step("Snapshot", "kubectl create", ask, asked).await?;
    let wait = Duration::from_secs(30);
    let what = "the snapshot on demand to succeed";
    let mut tables = Tables::new(screen, &kubectl);
    let snapshot = tables
        .until_succeeded(Wanted::Named(ON_DEMAND), what, wait)
        .await?;
    let slot = Duration::from_secs(60 - seconds_of_the_minute()?);
    if budget.is_some_and(|end| Instant::now() + slot > end) {
        line(&format!(
            "    The schedule's turn comes in {} s; this demo does not wait for it (--keep does).",
            slot.as_secs()
        ));
        return Ok(snapshot);
    }
    let what = format!(
        "the schedule's turn at the full minute, in {} s, and its snapshot",
        slot.as_secs()
    );
    tables
        .until_succeeded(Wanted::Scheduled, &what, slot + wait)
        .await
}

async fn prove(screen: &Screen, stage: &Stage, snapshot: &Value) -> Result<()> {
    let folder = stage.store.folder();
    let (words, table) = stage.store.list()?;
    show(&format!("$ {words}"), &table);
    let place = scratch::folder("restore")?;
    let key = snapshot["status"]["object"]["key"].as_str().unwrap_or_default();
    let object = key.rsplitn(3, '/').take(2).collect::<Vec<_>>();
    let object = format!(
        "…/{}/{}",
        object.get(1).unwrap_or(&""),
        object.first().unwrap_or(&"")
    );
    let fetch = async { proof::fetch(&folder, snapshot, place.path()) };
    let file = screen
        .step("Its object", "the object", fetch, |_| {
            format!("{object}, fetched and decompressed")
        })
        .await?;
    let compare = Box::pin(proof::compare(&stage.etcd, VERSION, &file));
    let proof = screen.step(
        "Restore",
        "etcdutl snapshot restore and a second etcd",
        compare,
        |proof| {
            format!(
                "etcdutl {VERSION} and a second etcd: HashKV {:08x} at revision {}",
                proof.hash, proof.revision
            )
        },
    );
    let proof = proof.await?;
    screen.succeeded(&format!(
        "{} keys of a living Kubernetes, backed up and restored, are the same at revision {}.",
        proof.keys, proof.revision
    ));
    Ok(())
}

async fn look_around(stage: &Stage) {
    let quote = |path: &Path| path.display().to_string();
    line("\nIt keeps running. In another terminal:");
    line(&format!(
        "    export KUBECONFIG={}",
        quote(stage.server.admin_kubeconfig())
    ));
    line("    kubectl get etcdbackups,etcdsnapshots --watch");
    line("    kubectl describe etcdbackup every-minute");
    line("    kubectl annotate etcdbackup every-minute --overwrite etcdbackup.dev/run-now=$(date +%s)");
    line(&format!("    tail -f {}", quote(stage.operator.log())));
    line(&format!("    ls -R {}", quote(&stage.store.folder())));
    if let Ok(kubectl) = binaries::tool("kubernetes", "kubectl") {
        line(&format!("(kubectl, should you have none: {})", quote(&kubectl)));
    }
    line(&format!(
        "The operator runs as {}/{}.",
        stage.identity.namespace, stage.identity.service_account
    ));
    line("Ctrl-C ends it and removes everything.");
    pending::<()>().await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person watches the demo against the clock on the wall"
)]
fn seconds_of_the_minute() -> Result<u64> {
    u64::try_from(chrono::Utc::now().timestamp().rem_euclid(60)).context("read the clock")
}
