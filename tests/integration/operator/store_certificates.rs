//! Stores whose certificates are not acceptable, and what the plan says of them.

use anyhow::{Result, ensure};
use harness::{scratch, tls::Authority, versitygw::Versitygw, wait};
use serde_json::json;

use super::{case::Case, outcome::PATIENCE, plan::Plan};

#[tokio::test]
async fn a_store_whose_certificate_is_not_acceptable_is_refused_by_name_and_a_given_authority_is_trusted()
-> Result<()> {
    let (mut case, world) = Case::begin("store-tls").await?;
    let folder = scratch::folder("store-tls")?;
    let (authority, stranger) = (Authority::new("of-the-store")?, Authority::new("another")?);
    case.secret("store-ca", &[("ca.crt", &authority.pem())]).await?;
    let plan = Plan::new("prod", &world.subject, &case)
        .with("storage/s3/allowHTTP", json!(false))
        .with("storage/s3/tls", json!({"secretName": "store-ca"}));
    for (name, pair, told) in authority.unacceptable_to_stores(&stranger)? {
        let store = Versitygw::start_tls(&pair.write(folder.path(), name)?).await?;
        case.apply(&plan.clone().with("storage/s3/endpoint", json!(store.endpoint)))
            .await?;
        // As soon as the store was asked that the plan names by now.
        wait::until_ok(format!("{name} to be told"), PATIENCE, async || {
            let condition = case
                .condition("prod", "StoreReachable", "False", "CertificateInvalid")
                .await?;
            ensure!(condition.message.contains(told), "it says: {}", condition.message);
            Ok(())
        })
        .await?;
        case.ask(name, "prod").await?;
        let (reason, message) = case.failed(name).await?;
        ensure!(
            reason == "CertificateInvalid" && message.contains(told),
            "{name}: {reason}: {message}"
        );
    }

    let files = authority.server(&["127.0.0.1"])?.write(folder.path(), "right")?;
    let store = Versitygw::start_tls(&files).await?;
    store.create_bucket(&case.bucket)?;
    case.folder = store.data().join(&case.bucket);
    case.apply(&plan.with("storage/s3/endpoint", json!(store.endpoint)))
        .await?;
    case.condition("prod", "StoreReachable", "True", "Succeeded")
        .await?;
    case.take("trusted", "prod").await?;
    case.finish(&world.subject).await?.ensure_number(1)
}
