//! Backups that are there to be restored, and of which something must be known first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use harness::etcd::{Etcd, Version};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{done, output, program, save};

/// Saves a backup below `store` and answers its folder.
async fn saved(etcd: &Etcd, store: &Path) -> Result<PathBuf> {
    let mut command = save(etcd, format!("file://{}", store.display()))?;
    let said = done(command.args(["--plan", "prod/main", "-w", "json"])).await?;
    let said: Value = serde_json::from_str(&said)?;
    let location = said["location"].as_str().context("no location")?;
    let object = PathBuf::from(location.trim_start_matches("file://"));
    Ok(object.parent().context("no folder")?.to_owned())
}

/// Rewrites the manifest in `folder`.
fn edit(folder: &Path, change: impl FnOnce(&mut Value)) -> Result<()> {
    let path = folder.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path)?)?;
    change(&mut manifest);
    fs::write(path, serde_json::to_vec(&manifest)?)?;
    Ok(())
}

/// What it printed to standard error, and must succeed.
async fn told(command: &mut Command) -> Result<String> {
    let output = output(command).await?;
    let errors = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {errors}",
        output.status
    );
    Ok(errors)
}

fn restore(from: &str, into: &Path) -> Result<Command> {
    let mut command = program()?;
    command.args(["restore", from, "--data-dir"]).arg(into);
    Ok(command)
}

#[tokio::test]
async fn a_degraded_backup_is_never_restored_without_a_word() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let store = harness::scratch::folder("degraded")?;
    let target = harness::scratch::folder("restored")?;
    let folder = saved(&etcd, store.path()).await?;
    let url = format!("file://{}", store.path().display());
    let errors = told(&mut restore(&url, &target.path().join("sound"))?).await?;
    ensure!(!errors.contains("Warning: "), "{errors}");
    edit(&folder, |manifest| manifest["degraded"] = json!(true))?;
    let exactly = format!("file://{}", folder.display());
    for (name, from) in [("newest", &url), ("named", &exactly)] {
        let errors = told(&mut restore(from, &target.path().join(name))?).await?;
        ensure!(
            errors.contains("Warning: ") && errors.contains("had no quorum"),
            "{name}: {errors}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_older_backup_is_not_restored_without_a_word_about_a_newer_one_that_cannot_be_read() -> Result<()>
{
    let etcd = Etcd::start(Version::V3_6).await?;
    let store = harness::scratch::folder("unreadable")?;
    let target = harness::scratch::folder("restored")?;
    let older = saved(&etcd, store.path()).await?;
    let run = "20201123T060000Z-abcdefgh";
    fs::rename(&older, older.with_file_name(run))?;
    edit(&older.with_file_name(run), |manifest| {
        manifest["runId"] = json!(run);
        manifest["times"] = json!({"started": "2020-11-23T06:00:00Z", "finished": "2020-11-23T06:00:01Z"});
        manifest["verification"]["time"] = json!("2020-11-23T06:00:01Z");
    })?;
    let newer = saved(&etcd, store.path()).await?;
    edit(&newer, |manifest| manifest["format"] = json!("9.0"))?;
    let url = format!("file://{}", store.path().display());
    let errors = told(&mut restore(&url, &target.path().join("d"))?).await?;
    let newer = newer.file_name().context("no name")?.to_string_lossy();
    ensure!(
        errors.contains("Warning: ") && errors.contains(&format!("{newer} is newer and cannot be used")),
        "{errors}"
    );
    Ok(())
}

#[tokio::test]
async fn a_backup_of_the_future_is_passed_over_and_restored_only_where_it_is_the_only_one() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    let store = harness::scratch::folder("future")?;
    let target = harness::scratch::folder("restored")?;
    let folder = saved(&etcd, store.path()).await?;
    let run = "21261123T060000Z-abcdefgh";
    let ahead = folder.with_file_name(run);
    fs::rename(&folder, &ahead)?;
    edit(&ahead, |manifest| {
        manifest["runId"] = json!(run);
        manifest["times"] = json!({"started": "2126-11-23T06:00:00Z", "finished": "2126-11-23T06:00:01Z"});
        manifest["verification"]["time"] = json!("2126-11-23T06:00:01Z");
    })?;
    let url = format!("file://{}", store.path().display());
    let errors = told(&mut restore(&url, &target.path().join("only"))?).await?;
    ensure!(
        errors.contains(run) && errors.contains("there is no other"),
        "{errors}"
    );

    etcd.client().await?.put("greeting", "second", None).await?;
    let sound = saved(&etcd, store.path()).await?;
    let sound = sound
        .file_name()
        .context("no name")?
        .to_string_lossy()
        .into_owned();
    let mut show = program()?;
    let shown = output(show.args(["show", &url, "-o", "json"])).await?;
    let manifest: Value = serde_json::from_slice(&shown.stdout)?;
    assert_eq!(manifest["runId"], sound.as_str());
    let errors = String::from_utf8(shown.stderr)?;
    ensure!(
        errors.contains("Warning: ") && errors.contains(run) && errors.contains("passed over"),
        "{errors}"
    );
    Ok(())
}
