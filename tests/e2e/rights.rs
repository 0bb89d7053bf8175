//! Rights that the installed operator lost.

use anyhow::{Context, Result, ensure};
use harness::{kubectl::Kubectl, rig::Rig};
use serde_json::{Value, json};

use crate::{
    case::{Case, condition},
    restores::{RESTORE, ended_well},
    world::World,
};

/// The roles of the operator, and of what carries restores out.
const OPERATOR: &str = "etcd-backup-operator";
const RESTORES: &str = "etcd-backup-operator-restore";

/// Whoever installs it without a part of our roles is told, on the object that waits for it: a plan, and a restore.
pub(crate) async fn no_secrets_and_no_jobs(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "no-secrets")?;
    let rig = world.rig.read().await;
    let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
    case.etcd_secret(&tls.authority.pem(), &tls.client)?;
    let rules = take(&world.kubectl, OPERATOR, "secrets")?;
    let told = denied(&case, &rig.etcd.endpoints()).await;
    set_rules(&world.kubectl, OPERATOR, &rules)?;
    told?;

    let accepted = |status: &Value| is(status, "Accepted", "True");
    case.status("etcdbackup/prod", "it to be accepted", accepted)
        .await?;
    let taken = case.take("allowed", "prod").await?;
    case.judge(rig.etcd.version).await?;

    let rules = take(&world.kubectl, RESTORES, "jobs")?;
    let told = restore_denied(&case).await;
    set_rules(&world.kubectl, RESTORES, &rules)?;
    told?;
    let status = ended_well(&case, &taken).await?;
    let revision = status["revision"].as_i64().context("no revision")?;
    let living = rig.etcd.client().await?.hash_kv(revision).await;
    let living = living.context("ask for HashKV")?.hash();
    ensure!(
        status["members"][0]["hashKV"] == living,
        "HashKV is {living} in the API server's etcd: {status}"
    );
    case.end().await
}

/// What a restore into a new claim says while the operator may make no Jobs. It keeps the revisions.
async fn restore_denied(case: &Case) -> Result<()> {
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "restored"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": Rig::STORAGE_CLASS,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    });
    let target = json!({"persistentVolumeClaim": {"claimName": "restored"}});
    let restore = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": RESTORE},
        "spec": {
            "source": {"snapshotName": "allowed"}, "bumpRevision": 0, "timeout": "5m",
            "members": [{"name": "m0", "peerURLs": ["http://m0:2380"], "target": target}],
        },
    });
    case.apply(&[claim, restore])?;
    let denied = |status: &Value| {
        let message = status["message"].as_str().unwrap_or_default();
        status["reason"] == "Forbidden" && message.contains("resource \"jobs\"")
    };
    let object = format!("etcdrestore/{RESTORE}");
    case.status(&object, "it to name the right that is missing", denied)
        .await
        .map(drop)
}

/// What it says while it may not.
async fn denied(case: &Case, endpoints: &[String]) -> Result<()> {
    case.plan("prod", endpoints)?;
    let refused = |status: &Value| is(status, "Accepted", "False");
    let status = case
        .status("etcdbackup/prod", "it to be refused", refused)
        .await?;
    let accepted = condition(&status, "Accepted").context("no condition")?;
    let message = accepted["message"].as_str().unwrap_or_default();
    ensure!(
        accepted["reason"] == "SecretNotFound" && message.contains("the operator may not read it"),
        "the condition is {accepted}"
    );
    case.ask("denied", "prod")?;
    let status = case.over("denied").await?;
    ensure!(
        status["phase"] == "Failed" && status["reason"] == "SecretNotFound",
        "the snapshot: {status}"
    );
    Ok(())
}

fn is(status: &Value, kind: &str, value: &str) -> bool {
    condition(status, kind).is_some_and(|condition| condition["status"] == value)
}

/// Takes the rules of a role away that speak of a resource, and gives all that it had.
fn take(kubectl: &Kubectl, role: &str, resource: &str) -> Result<Value> {
    let found = kubectl.run(&["get", "clusterrole", role, "--output=json"])?;
    let found: Value = serde_json::from_str(&found).context("read a role")?;
    let rules = &found["rules"];
    set_rules(kubectl, role, &without(rules, resource)?)?;
    Ok(rules.clone())
}

/// The rules that do not speak of a resource.
fn without(rules: &Value, resource: &str) -> Result<Value> {
    let mut rules = rules.as_array().context("a role has rules")?.clone();
    let before = rules.len();
    rules.retain(|rule| {
        let resources = rule["resources"].as_array();
        !resources.is_some_and(|all| all.contains(&json!(resource)))
    });
    ensure!(rules.len() < before, "no rule speaks of {resource}");
    Ok(json!(rules))
}

fn set_rules(kubectl: &Kubectl, role: &str, rules: &Value) -> Result<()> {
    let change = json!({"rules": rules}).to_string();
    let patch = ["patch", "clusterrole", role, "--type=merge", "--patch", &change];
    kubectl.run(&patch).map(drop)
}
