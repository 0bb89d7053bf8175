//! A right that the installed operator lost.

use anyhow::{Context, Result, ensure};
use harness::kubectl::Kubectl;
use serde_json::{Value, json};

use crate::{
    case::{Case, condition},
    world::World,
};

const ROLE: [&str; 2] = ["clusterrole", "etcd-backup-operator"];

/// Whoever installs it without a part of our roles is told, on the object that waits for it.
pub(crate) async fn no_secrets(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "no-secrets")?;
    let rig = world.rig.read().await;
    let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
    case.etcd_secret(&tls.authority.pem(), &tls.client)?;
    let rules = rules(&world.kubectl)?;
    set_rules(&world.kubectl, &without(&rules, "secrets")?)?;
    let told = denied(&case, &rig.etcd.endpoints()).await;
    set_rules(&world.kubectl, &rules)?;
    told?;

    let accepted = |status: &Value| is(status, "Accepted", "True");
    case.status("etcdbackup/prod", "it to be accepted", accepted)
        .await?;
    case.take("allowed", "prod").await?;
    case.judge(rig.etcd.version).await?;
    case.end()
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

fn rules(kubectl: &Kubectl) -> Result<Value> {
    let role = kubectl.run(&[&["get", "--output=json"], &ROLE[..]].concat())?;
    let role: Value = serde_json::from_str(&role).context("read a role")?;
    Ok(role["rules"].clone())
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

fn set_rules(kubectl: &Kubectl, rules: &Value) -> Result<()> {
    let change = json!({"rules": rules}).to_string();
    let patch = ["patch", "--type=merge", "--patch", &change];
    kubectl.run(&[&patch, &ROLE[..]].concat()).map(drop)
}
