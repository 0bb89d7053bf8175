//! Saving into a store.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    etcdutl,
    versitygw::Versitygw,
};
use serde_json::Value;

use super::{done, failed, program, reach, save};

#[tokio::test]
async fn a_directory_gets_a_snapshot_and_its_manifest_and_nothing_is_ever_replaced() -> Result<()> {
    let etcd = Etcd::start(Version::V3_7).await?;
    etcd.client().await?.put("greeting", "hello", None).await?;
    let store = harness::scratch::folder("store")?;
    let url = format!("file://{}", store.path().display());
    let mut locations = Vec::new();
    for _ in 0..2 {
        let mut command = save(&etcd, &url)?;
        command.args(["--plan", "prod/main", "--compression", "none", "-w", "json"]);
        let said: Value = serde_json::from_str(&done(&mut command).await?)?;
        let location = said["location"].as_str().context("a location")?.to_owned();
        let file = location.strip_prefix("file://").context("a file")?;
        let status = etcdutl::status(Version::V3_7, Path::new(file))?;
        assert_eq!(said["hash"], status.hash);
        assert_eq!(said["totalKey"], status.total_key);
        let manifest = said["manifest"]
            .as_str()
            .and_then(|m| m.strip_prefix("file://"))
            .context("a manifest")?;
        let manifest: Value = serde_json::from_slice(&fs::read(manifest)?)?;
        assert_eq!(manifest["revision"], said["revision"]);
        assert_eq!(manifest["trigger"], "Manual");
        locations.push(location);
    }
    ensure!(locations[0] != locations[1], "{locations:?}");

    fs::write(store.path().join("prod/main/owner.json"), "{}")?;
    let errors = failed(save(&etcd, &url)?.args(["--plan", "prod/main"]), 5).await?;
    ensure!(errors.contains("belongs to an operator"), "{errors}");
    Ok(())
}

#[tokio::test]
async fn a_bucket_gets_a_snapshot_with_the_names_that_the_aws_tools_use() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).await?;
    etcd.client().await?.put("greeting", "hello", None).await?;
    let s3 = Versitygw::start().await?;
    s3.create_bucket("backups")?;
    let mut command = save(&etcd, "s3://backups/etcd")?;
    reach(&mut command, &s3);
    let said = done(&mut command).await?;
    let first = said.lines().next().context("a line")?;
    ensure!(
        first.starts_with("Snapshot saved at s3://backups/etcd/manual/")
            && first.ends_with("/snapshot.db.zst"),
        "{said}"
    );

    command.env("AWS_SECRET_ACCESS_KEY", "canary-wrong");
    let errors = failed(&mut command, 5).await?;
    ensure!(!errors.contains("canary"), "{errors}");

    let profile = etcd.folder().join("aws-config");
    for server in [
        format!("endpoint_url = {}\n", s3.endpoint),
        format!(
            "services = here\n[services here]\ns3 =\n  endpoint_url = {}\n",
            s3.endpoint
        ),
    ] {
        let text = format!(
            "[profile mine]\nregion = us-east-1\naws_access_key_id = {}\naws_secret_access_key = {}\n{server}",
            s3.access_key, s3.secret_key
        );
        fs::write(&profile, text)?;
        let mut list = program()?;
        list.args(["list", "s3://backups/etcd", "--allow-http"])
            .env("AWS_CONFIG_FILE", &profile)
            .env("AWS_PROFILE", "mine");
        let listed = done(&mut list).await?;
        ensure!(listed.contains("verified (Readback)"), "{server}: {listed}");
    }
    Ok(())
}
