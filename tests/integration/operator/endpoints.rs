//! Places that a plan may not name, and buckets that are not there.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{case::Case, plan::Plan};

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said_so_and_not_made() -> Result<()> {
    let (case, world) = Case::begin("no-bucket").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    let applied = case.apply(&plan).await?;
    case.first_said(&applied, "Ready", ["True", "NoRunYet"]).await?;
    // Nothing that the other bucket said is said of this one.
    let edited = case
        .apply(&plan.with("storage/s3/bucket", json!("never-made")))
        .await?;
    case.first_said(&edited, "Ready", ["False", "NoSuchBucket"])
        .await?;
    case.condition("prod", "StoreReachable", "False", "NoSuchBucket")
        .await?;
    case.ask("first", "prod").await?;
    let (reason, message) = case.failed("first").await?;
    ensure!(
        reason == "NoSuchBucket" && message.contains("never-made"),
        "{reason}: {message}"
    );
    ensure!(
        !world.stage.gateway.data().join("never-made").exists(),
        "the bucket was made"
    );
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn plain_http_must_be_allowed_by_name() -> Result<()> {
    let (case, world) = Case::begin("plain-http").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("storage/s3/allowHTTP", json!(false));
    let refused = match case.apply(&plan).await {
        Ok(_) => anyhow::bail!("it was taken"),
        Err(error) => format!("{error:#}"),
    };
    ensure!(
        refused.contains("set allowHTTP to true if you mean it"),
        "{refused}"
    );
    case.finish(&world.subject).await?.ensure_number(0)
}

/// Where metadata services, the node and the API server listen. The last two hold although the administrator allowed
/// loopback: what is written as an odd number is no address, and the API server's names are never a plan's to use.
const FORBIDDEN: [&str; 4] = [
    "http://169.254.169.254",
    "http://[fd00:ec2::254]",
    "http://2130706433",
    "https://kubernetes.default.svc",
];

#[tokio::test]
async fn a_store_at_a_forbidden_address_is_refused() -> Result<()> {
    let (case, world) = Case::begin("forbidden-store").await?;
    for (number, endpoint) in FORBIDDEN.iter().enumerate() {
        let name = format!("prod-{number}");
        let plan = Plan::new(&name, &world.subject, &case);
        case.apply(&plan.with("storage/s3/endpoint", json!(endpoint)))
            .await?;
        case.condition(&name, "Accepted", "False", "EndpointRefused")
            .await?;
        let snapshot = format!("first-{number}");
        case.ask(&snapshot, &name).await?;
        let (reason, message) = case.failed(&snapshot).await?;
        ensure!(reason == "EndpointRefused", "{endpoint}: {reason}: {message}");
    }
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn an_etcd_at_a_forbidden_address_is_refused() -> Result<()> {
    let (case, world) = Case::begin("forbidden-etcd").await?;
    for (number, endpoint) in FORBIDDEN.iter().enumerate() {
        let name = format!("prod-{number}");
        let plan = Plan::new(&name, &world.subject, &case);
        case.apply(&plan.with("etcd/endpoints", json!([endpoint])))
            .await?;
        let snapshot = format!("first-{number}");
        case.ask(&snapshot, &name).await?;
        let (reason, message) = case.failed(&snapshot).await?;
        ensure!(reason == "EndpointRefused", "{endpoint}: {reason}: {message}");
    }
    case.finish(&world.subject).await?;
    Ok(())
}
