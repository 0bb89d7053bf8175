//! Secrets that are missing, wrong, or nobody's business.

use anyhow::{Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    s3::S3Server,
    tls::Authority,
};
use serde_json::json;

use super::{
    case::Case,
    data,
    plan::{AUTH_SECRET, Plan, STORE_SECRET, TLS_SECRET},
};

#[tokio::test]
async fn a_secret_that_comes_late_is_noticed_without_a_restart() -> Result<()> {
    let (mut case, world) = Case::begin("secret-late").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan.with("storage/s3/credentials/secretName", json!("later")))
        .await?;
    case.condition_saying("prod", "Accepted", ["False", "SecretNotFound"], "later")
        .await?;
    case.ask("too-early", "prod").await?;
    let (reason, _) = case.failed("too-early").await?;
    ensure!(reason == "SecretNotFound", "the snapshot failed with {reason}");
    let gateway = &world.stage.gateway;
    let keys = [
        ("AWS_ACCESS_KEY_ID", &*gateway.access_key),
        ("AWS_SECRET_ACCESS_KEY", &*gateway.secret_key),
    ];
    case.secret("later", &keys).await?;
    case.condition("prod", "Accepted", "True", "Accepted").await?;
    case.take("in-time", "prod").await?;
    case.condition("prod", "Ready", "True", "Succeeded").await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_of_etcd_that_is_missing_is_told_before_any_run_and_noticed_when_it_comes() -> Result<()> {
    let (mut case, _) = Case::begin("etcd-secret-late").await?;
    let etcd = data::filled(Etcd::start(Version::V3_6).tls()).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.condition_saying("prod", "Accepted", ["False", "SecretNotFound"], TLS_SECRET)
        .await?;
    case.event("NotAccepted", "prod").await?;
    case.secrets_of(&etcd).await?;
    case.condition("prod", "Accepted", "True", "Accepted").await?;
    case.take("first", "prod").await?;
    case.finish(&etcd).await?;
    Ok(())
}

#[tokio::test]
async fn keys_that_the_store_does_not_accept_are_named_as_the_trouble() -> Result<()> {
    let (mut case, world) = Case::begin("wrong-keys").await?;
    let key = world.stage.gateway.access_key.clone();
    let keys = [
        ("AWS_ACCESS_KEY_ID", &*key),
        ("AWS_SECRET_ACCESS_KEY", "canary-wrong-secret-77aa"),
    ];
    case.secret(STORE_SECRET, &keys).await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    case.ask("first", "prod").await?;
    let (reason, message) = case.failed("first").await?;
    ensure!(reason == "InvalidCredentials", "{reason}: {message}");
    case.condition("prod", "StoreReachable", "False", "InvalidCredentials")
        .await?;
    case.event("StoreUnreachable", "prod").await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_authority_of_etcd_are_told_apart() -> Result<()> {
    let (mut case, _) = Case::begin("wrong-etcd").await?;
    let start = Etcd::start(Version::V3_6).tls();
    let etcd = data::filled(start.auth("backup", "canary-right-password-19fb")).await?;
    case.secrets_of(&etcd).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;

    let wrong = [("username", "backup"), ("password", "canary-wrong-password-02cd")];
    case.secret(AUTH_SECRET, &wrong).await?;
    case.ask("password", "prod").await?;
    let (reason, message) = case.failed("password").await?;
    ensure!(reason == "AuthenticationFailed", "{reason}: {message}");

    case.secrets_of(&etcd).await?;
    let other = Authority::new("another-authority")?.pem();
    let pair = etcd.tls.as_ref().map(|tls| tls.client.clone());
    let (cert, key) = pair.map(|pair| (pair.cert, pair.key)).unwrap_or_default();
    case.secret(
        TLS_SECRET,
        &[("ca.crt", &other), ("tls.crt", &cert), ("tls.key", &key)],
    )
    .await?;
    case.ask("authority", "prod").await?;
    let (reason, message) = case.failed("authority").await?;
    ensure!(reason == "CertificateInvalid", "{reason}: {message}");

    // Rotated back: the next run reads the Secret anew.
    case.secrets_of(&etcd).await?;
    case.take("right", "prod").await?;
    case.finish(&etcd).await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_with_a_key_missing_or_in_the_wrong_form_is_named_with_the_key() -> Result<()> {
    let (mut case, _) = Case::begin("wrong-form").await?;
    let etcd = data::filled(Etcd::start(Version::V3_6).tls()).await?;
    case.secrets_of(&etcd).await?;
    case.secret(TLS_SECRET, &[("ca.crt", "this is no certificate")])
        .await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.ask("first", "prod").await?;
    let (reason, message) = case.failed("first").await?;
    ensure!(
        message.contains("ca.crt") && message.contains(TLS_SECRET),
        "{reason}: {message}"
    );
    case.finish(&etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_own_cloud_credentials_are_not_sent_where_a_plan_says() -> Result<()> {
    let (case, world) = Case::begin("ambient").await?;
    let server = S3Server::start(&case.bucket).await?;
    let plan = Plan::new("prod", &world.subject, &case)
        .into(&server)
        .without_s3("credentials");
    case.apply(&plan).await?;
    case.ask("first", "prod").await?;
    let (reason, message) = case.failed("first").await?;
    ensure!(reason == "AmbientCredentialsRefused", "{reason}: {message}");
    let asked = server.plan().seen();
    ensure!(
        asked
            .iter()
            .all(|request| request.header("authorization").is_empty()
                && request.header("x-amz-security-token").is_empty()),
        "the server was sent credentials: {asked:?}"
    );
    case.finish_in(&server, &world.subject).await?;
    Ok(())
}
