//! The custom resource definitions, on the API server that has the last word.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use etcd_backup_api::cases::{self, Case, Outcome};
use harness::{
    apiserver::ApiServer,
    binaries,
    etcd::{Etcd, Version},
    kubectl::Kubectl,
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
    let (_etcd, server, kubectl) = with_definitions().await?;
    let mut wrong = Vec::new();
    for case in cases::all().map_err(anyhow::Error::msg)? {
        let problem = match (verdict(&kubectl, server.folder(), &case)?, &case.outcome) {
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

/// Creates or updates the case's object without keeping it, as strictly as kubectl does by default.
fn verdict(kubectl: &Kubectl, scratch: &Path, case: &Case) -> Result<Result<Value, String>> {
    let write = |name: &str, object: &Value| -> Result<String> {
        let path = scratch.join(name);
        fs::write(&path, serde_json::to_vec(object)?).with_context(|| format!("write {}", path.display()))?;
        Ok(path.to_string_lossy().into_owned())
    };
    let object = write("case.json", &case.object)?;
    let verb = if case.before.is_some() {
        "replace"
    } else {
        "create"
    };
    let before = case
        .before
        .as_ref()
        .map(|before| write("before.json", before))
        .transpose()?;
    if let Some(before) = &before {
        kubectl.run(&["create", "-f", before])?;
    }
    let answer = kubectl.run(&[
        verb,
        "--dry-run=server",
        "--validate=strict",
        "-o",
        "json",
        "-f",
        &object,
    ]);
    if let Some(before) = &before {
        kubectl.run(&["delete", "-f", before])?;
    }
    Ok(match answer {
        Ok(taken) => {
            Ok(serde_json::from_str(&taken)
                .with_context(|| format!("{}: read kubectl's answer", case.that))?)
        }
        Err(error) => Err(error.to_string()),
    })
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
