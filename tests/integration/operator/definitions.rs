//! Definitions of our resources that are missing, and objects that were stored under others.

use anyhow::{Context, Result, ensure};
use harness::{binaries, etcd::Version, http, kubectl::Kubectl, wait};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{
    case::Case,
    data,
    outcome::PATIENCE,
    permissions::{lines, logged},
    plan::Plan,
    world::{LEASE, Stage},
};

/// Puts the definitions there that we ship: `create`, or `replace` whatever is there.
fn define(kubectl: &Kubectl, verb: &str) -> Result<()> {
    let crds = binaries::root().join("crds").to_string_lossy().into_owned();
    kubectl.run(&[verb, "-k", &crds])?;
    kubectl
        .run(&[
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd",
            "--all",
        ])
        .map(drop)
}

/// Puts one there that takes anything, as an older one might have taken what ours refuses.
fn take_anything(kubectl: &Kubectl, plural: &str) -> Result<()> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let change = json!([
        {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": schema},
        {"op": "remove", "path": "/spec/versions/0/selectableFields"},
    ]);
    let name = format!("{plural}.etcdbackup.dev");
    kubectl
        .run(&[
            "patch",
            "crd",
            &name,
            "--type=json",
            "--patch",
            &change.to_string(),
        ])
        .map(drop)
}

/// Objects of a kind, whatever is in them.
fn any(case: &Case, kind: &str, plural: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("etcdbackup.dev", "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, plural);
    Api::namespaced_with(case.client.clone(), &case.namespace, &resource)
}

/// Stores an object of a definition that took anything: as soon as the API server goes by that.
async fn store(case: &Case, kind: &str, plural: &str, name: &str, spec: &Value) -> Result<()> {
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    }))?;
    wait::until_ok(format!("{name} to be stored"), PATIENCE, async || {
        let created = any(case, kind, plural)
            .create(&PostParams::default(), &object)
            .await;
        created.map(drop).context("create it")
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_stops_nobody_and_definitions_that_are_missing_are_waited_for()
-> Result<()> {
    // On an API server of its own: what happens to definitions happens to everybody.
    let stage = Stage::set().await?;
    let kubectl = stage.server.kubectl()?;
    kubectl.run(&["delete", "crd", "--all"])?;
    let mut case = Case::on(&stage, "definitions").await?;
    let etcd = data::etcd(Version::V3_6).await?;

    // An operator that is installed first waits, and says what for.
    let mut operator = stage.replica(&LEASE)?;
    case.follow(&operator);
    let missing = ["Not watching", "etcdbackups", "kubectl apply"];
    logged(operator.log(), &missing).await?;
    let told = http::get(operator.health_port(), "/readyz").await;
    ensure!(told.is_err(), "it is ready: {told:?}");
    define(&kubectl, "create")?;
    operator.ready().await?;
    let plan = Plan::new("prod", &etcd, &case);
    case.apply(&plan).await?;
    case.take("first", "prod").await?;

    // Objects that are no plan and no snapshot, seen while it watches.
    for plural in ["etcdbackups", "etcdsnapshots"] {
        take_anything(&kubectl, plural)?;
    }
    let mut odd = plan.0["spec"].clone();
    odd["schedule"] = json!({"every": "day"});
    store(&case, "EtcdBackup", "etcdbackups", "odd-plan", &odd).await?;
    let odd = json!({"backupName": "prod", "pin": "perhaps"});
    store(&case, "EtcdSnapshot", "etcdsnapshots", "odd-snapshot", &odd).await?;
    // One with a field of another release, and a value that ours would refuse, which can be read all the same.
    let mut newer = plan.clone().with("schedule", json!("* * * * * *")).0["spec"].clone();
    newer["fromTheFuture"] = json!({"a": 1});
    store(&case, "EtcdBackup", "etcdbackups", "newer", &newer).await?;
    define(&kubectl, "replace")?;
    for (kind, name) in [("EtcdBackup", "odd-plan"), ("EtcdSnapshot", "odd-snapshot")] {
        let named = format!("{kind} definitions/{name}");
        logged(operator.log(), &["WARN", &named]).await?;
    }
    case.take("second", "prod").await?;
    case.condition("newer", "Accepted", "False", "InvalidSchedule")
        .await?;

    // And listed by one that begins.
    ensure!(operator.stop().await?.success());
    let mut next = stage.operator(&LEASE).await?;
    case.follow(&next);
    case.take("third", "prod").await?;
    let named = ["WARN", "EtcdBackup definitions/odd-plan"];
    logged(next.log(), &named).await?;
    ensure!(lines(next.log(), &named) < 5, "it says so again and again");

    // Put right, it is a plan as any other.
    let right = Patch::Merge(json!({"spec": {"schedule": null}}));
    any(&case, "EtcdBackup", "etcdbackups")
        .patch("odd-plan", &PatchParams::default(), &right)
        .await
        .context("put it right")?;
    case.take("of-odd-plan", "odd-plan").await?;
    // No judge could read these either.
    for (kind, plural, name) in [
        ("EtcdSnapshot", "etcdsnapshots", "odd-snapshot"),
        ("EtcdBackup", "etcdbackups", "newer"),
    ] {
        any(&case, kind, plural)
            .delete(name, &kube::api::DeleteParams::default())
            .await?;
    }
    case.finish(&etcd).await?.ensure_number(4)?;
    ensure!(next.stop().await?.success());
    Ok(())
}
