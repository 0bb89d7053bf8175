//! The custom resource definitions, on the API server that has the last word.

use std::fs;

use anyhow::{Context, Result};
use etcd_backup_api::cases::{self, Case, Outcome};
use harness::{
    apiserver::ApiServer,
    binaries,
    etcd::{Etcd, Version},
    kubectl::Kubectl,
};
use kube::{
    Client,
    api::{DeleteParams, PostParams},
    core::Request,
};
use serde_json::Value;

/// What a user types into a wide table of plans.
const PLAN_COLUMNS: &str =
    "NAME SCHEDULE LAST SUCCESS NEXT SNAPSHOTS READY AGE REVISION SIZE RESTORABLE STORE SUSPENDED MESSAGE";
/// The same of snapshots.
const SNAPSHOT_COLUMNS: &str = "NAME PLAN PHASE REVISION KEYS SIZE STORED VERIFIED AGE MEMBER URL MESSAGE";

/// The same of restores.
const RESTORE_COLUMNS: &str = "NAME PHASE REVISION TAKEN MEMBERS AGE SOURCE COMPLETED MESSAGE";

async fn with_definitions() -> Result<(Etcd, ApiServer, Kubectl)> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let server = ApiServer::start(&etcd).await?;
    let kubectl = server.kubectl()?;
    kubectl.run(&["apply", "--server-side", "-k", &folder("crds")])?;
    kubectl.run(&[
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
        "--all",
    ])?;
    Ok((etcd, server, kubectl))
}

fn folder(name: &str) -> String {
    binaries::root().join(name).to_string_lossy().into_owned()
}

#[tokio::test]
async fn the_api_server_takes_and_refuses_what_the_table_says() -> Result<()> {
    let (_etcd, server, _kubectl) = with_definitions().await?;
    let client = server.admin().await?;
    let mut wrong = Vec::new();
    for case in cases::all().map_err(anyhow::Error::msg)? {
        let problem = match (verdict(&client, &case).await?, &case.outcome) {
            (Ok(object), Outcome::Taken(part)) if cases::holds(&object, part) => continue,
            (Err(message), Outcome::Refused(part)) if message.contains(part.as_str()) => continue,
            (Ok(object), _) => format!("was taken as {object}"),
            (Err(message), _) => format!("was refused: {message}"),
        };
        wrong.push(format!("{}: {}: {problem}", case.kind, case.that));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Creates or updates the case's object without keeping it, as strictly as kubectl does by default. Not by kubectl itself: the
/// answer is the API server's, and hundreds of processes would only carry it.
async fn verdict(client: &Client, case: &Case) -> Result<Result<Value, String>> {
    let plural = format!("{}s", case.kind.to_lowercase());
    let request = Request::new(format!(
        "/apis/etcdbackup.dev/v1alpha1/namespaces/default/{plural}"
    ));
    let nothing_kept = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let object = serde_json::to_vec(&case.object)?;
    let Some(before) = &case.before else {
        return ask(client, request.create(&nothing_kept, object)?).await;
    };
    let before = serde_json::to_vec(before)?;
    let made = ask(client, request.create(&PostParams::default(), before)?).await?;
    let made = made
        .map_err(anyhow::Error::msg)
        .with_context(|| case.that.clone())?;
    let name = made["metadata"]["name"].as_str().context("it has a name")?;
    // As kubectl does for whoever names none.
    let mut object = case.object.clone();
    object["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    let answer = request.replace(name, &nothing_kept, serde_json::to_vec(&object)?)?;
    let answer = ask(client, answer).await?;
    let removed = request.delete(name, &DeleteParams::default())?;
    client
        .request::<Value>(removed)
        .await
        .context("remove what was there before")?;
    Ok(answer)
}

async fn ask(client: &Client, mut request: hyper::Request<Vec<u8>>) -> Result<Result<Value, String>> {
    let strictly = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strictly.parse().context("a path with a query")?;
    match client.request::<Value>(request).await {
        Ok(taken) => Ok(Ok(taken)),
        Err(kube::Error::Api(refused)) => Ok(Err(refused.message)),
        Err(error) => Err(error).context("ask the API server"),
    }
}

#[tokio::test]
async fn kubectl_knows_the_short_names_the_columns_and_the_meaning_of_fields() -> Result<()> {
    let (_etcd, server, kubectl) = with_definitions().await?;
    for kind in ["EtcdBackup", "EtcdSnapshot", "EtcdRestore"] {
        let case = cases::all()
            .map_err(anyhow::Error::msg)?
            .into_iter()
            .find(|case| case.kind == kind);
        let path = server.folder().join("object.json");
        fs::write(
            &path,
            serde_json::to_vec(&case.context("a case of each kind")?.object)?,
        )?;
        kubectl.run(&["create", "-f", &path.to_string_lossy()])?;
    }

    assert_eq!(header(&kubectl.run(&["get", "ebk", "-o", "wide"])?), PLAN_COLUMNS);
    assert_eq!(
        header(&kubectl.run(&["get", "esnap", "-o", "wide"])?),
        SNAPSHOT_COLUMNS
    );
    assert_eq!(
        header(&kubectl.run(&["get", "erst", "-o", "wide"])?),
        RESTORE_COLUMNS
    );
    let all = kubectl.run(&["get", "etcd-backup", "-o", "name"])?;
    assert_eq!(all.lines().count(), 3, "the category holds every kind: {all}");

    let found = kubectl.run(&[
        "get",
        "esnap",
        "-o",
        "name",
        "--field-selector",
        "spec.backupName=prod",
    ])?;
    assert_eq!(found.lines().count(), 1);
    let none = kubectl.run(&[
        "get",
        "esnap",
        "-o",
        "name",
        "--field-selector",
        "spec.backupName=other",
    ])?;
    assert_eq!(none.lines().count(), 0);

    let meaning = kubectl.run(&["explain", "ebk.spec.startingDeadline"])?;
    assert!(
        meaning.contains("How late a missed run may still start"),
        "{meaning}"
    );
    Ok(())
}

/// The titles of a table, one space apart.
fn header(table: &str) -> String {
    table
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
