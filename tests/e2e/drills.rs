//! Drills with an etcd of an image, in real pods.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use harness::{etcd::Version, rig::images, wait};
use serde_json::{Value, json};

use crate::{
    case::{Case, PATIENCE, condition},
    world::World,
};

/// The longest that a drill may take on a machine that is busy.
const DRILL: Duration = Duration::from_mins(4);

/// What was backed up is restored, an etcd is started on it, asked, and ended with its pod; and what was damaged since is told.
pub(crate) async fn with_an_etcd(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "drill")?;
    // Whoever is not restricted does not get in.
    case.admit("restricted")?;
    let rig = world.rig.read().await;
    let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
    case.etcd_secret(&tls.authority.pem(), &tls.client)?;
    case.plan("control-plane", &rig.etcd.endpoints())?;
    let drill = json!({"spec": {
        "verification": "Restore", "drill": {"etcdImage": images::etcd_name(Version::V3_6), "timeout": "4m"},
    }});
    let drill = drill.to_string();
    case.kubectl(&["patch", "ebk/control-plane", "--type=merge", "--patch", &drill])?;
    case.take("first", "control-plane").await?;

    let drilled = drilled(&case, "Succeeded").await?;
    let restorable = drilled["lastRestorable"]["revision"]
        .as_i64()
        .context("no revision")?;
    let living = rig.etcd.client().await?.hash_kv(restorable).await;
    let living = living.context("ask for HashKV")?.hash();
    let last = &drilled["drill"]["last"];
    ensure!(
        last["hashKV"] == json!(living),
        "HashKV is {living} in the API server's etcd: {last}"
    );
    let version = last["etcdVersion"].as_str().unwrap_or_default();
    ensure!(version.starts_with("3.6."), "which etcd was started? {last}");
    ensure!(
        is(&drilled, "Restorable", "True") && is(&drilled, "Ready", "True"),
        "{drilled}"
    );
    ended(&case, last["job"].as_str().context("no Job")?).await?;

    let holdings = case.judge(rig.etcd.version).await?;
    let newest = holdings.backups.last().context("the bucket holds no backup")?;
    let bucket = world.gateway.data().join(&case.namespace);
    let object = bucket.join(newest.object()?);
    let mut bytes = fs::read(&object).context("read the object")?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&object, bytes).context("damage the object")?;
    case.kubectl(&["annotate", "ebk/control-plane", "etcdbackup.dev/drill-now=again"])?;
    let drilled = self::drilled(&case, "Failed").await?;
    ensure!(drilled["drill"]["last"]["reason"] == "Integrity", "{drilled}");
    ensure!(is(&drilled, "Ready", "False"), "{drilled}");
    case.event("DrillFailed", "control-plane").await?;
    case.end().await
}

/// Waits until the last drill ended like this, and gives the plan's status.
async fn drilled(case: &Case, result: &str) -> Result<Value> {
    let over = |status: &Value| status["drill"]["last"]["result"] == result;
    case.status_within(
        "etcdbackup/control-plane",
        DRILL,
        format!("a drill to end as {result}"),
        over,
    )
    .await
}

/// The pod has ended, its etcd with it.
async fn ended(case: &Case, job: &str) -> Result<()> {
    let selector = format!("--selector=batch.kubernetes.io/job-name={job}");
    wait::until_ok("the pod to be over", PATIENCE, async || {
        let phase = case.kubectl(&[
            "get",
            "pods",
            &selector,
            "--output=jsonpath={.items[*].status.phase}",
        ])?;
        ensure!(phase == "Succeeded", "it is {phase:?}");
        Ok(())
    })
    .await
}

fn is(status: &Value, kind: &str, value: &str) -> bool {
    condition(status, kind).is_some_and(|condition| condition["status"] == value)
}
