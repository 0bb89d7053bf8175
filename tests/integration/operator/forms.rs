//! Backups in other forms and other places than the usual.

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{case::Case, plan::Plan};

#[tokio::test]
async fn what_is_encrypted_restores_with_the_private_key_and_the_operator_never_has_it() -> Result<()> {
    let (mut case, world) = Case::begin("encrypted").await?;
    let key = Identity::generate();
    let recipients = json!({"age": {"recipients": [key.to_public().to_string()]}});
    let secret = key.to_string().expose_secret().to_owned();
    // Nobody was given it: it may be nowhere, and only the judge can read the backup.
    case.canaries.push(secret.clone());
    case.identity = Some(secret);
    let plan = Plan::new("prod", &world.subject, &case).with("encryption", recipients);
    case.apply(&plan).await?;
    let status = case.take("secret", "prod").await?.status.unwrap_or_default();
    let stored = status.object.unwrap_or_default();
    ensure!(
        stored.key.ends_with("/snapshot.db.zst.age"),
        "its key is {}",
        stored.key
    );
    case.finish(&world.subject).await?.ensure_number(1)
}

#[tokio::test]
async fn a_directory_that_the_administrator_allows_is_a_store_and_any_other_is_refused() -> Result<()> {
    let (case, world) = Case::begin("directory").await?;
    let folder = world.local.path().join("backups");
    std::fs::create_dir(&folder).context("make the directory")?;
    let into = |name: &str, path: &std::path::Path| {
        Plan::new(name, &world.subject, &case).with("storage", json!({"local": {"path": path}}))
    };
    case.apply(&into("prod", &folder)).await?;
    case.apply(&into("outside", &case.folder)).await?;

    let status = case.take("kept", "prod").await?.status.unwrap_or_default();
    let stored = status.object.unwrap_or_default();
    let begins = format!("file://{}/directory/prod/", folder.display());
    ensure!(stored.url.starts_with(&begins), "its URL is {}", stored.url);
    case.ask("refused", "outside").await?;
    let (reason, message) = case.failed("refused").await?;
    ensure!(reason == "LocalPathRefused", "{reason}: {message}");
    ensure!(
        case.stored()?.is_empty(),
        "something was written where nothing may be"
    );
    case.finish_at(&folder, &world.subject).await?.ensure_number(1)
}
