//! The most that the operator can say.

use std::fs;

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    wait,
};
use serde_json::{Value, json};

use super::{
    case::Case,
    data,
    outcome::PATIENCE,
    plan::{AUTH_SECRET, Plan, STORE_SECRET},
    world::{self, LEASE},
};

/// What tells a line at that level, whoever wrote it.
const TRACE: &str = "TRACE";

#[tokio::test]
async fn no_secret_is_in_the_log_of_an_operator_that_says_all_it_can() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "trace").await?;
    let start = Etcd::start(Version::V3_6).tls();
    let etcd = data::filled(start.auth("backup", "canary-traced-password-60be")).await?;
    case.secrets_of(&etcd).await?;
    let key = Identity::generate();
    case.identity = Some(key.to_string().expose_secret().to_owned());
    // Its own token, which it sends with each request to Kubernetes.
    let own = fs::read_to_string(&stage.identity.kubeconfig).context("read the operator's kubeconfig")?;
    let own: Value = serde_json::from_str(&own).context("parse the operator's kubeconfig")?;
    let token = own["users"][0]["user"]["token"].as_str().context("no token")?;
    case.canaries.push(token.to_owned());

    let mut operator = stage.operator_logging("trace", &LEASE).await?;
    case.follow(&operator);
    let recipients = json!({"age": {"recipients": [key.to_public().to_string()]}});
    let plan = Plan::new("prod", &etcd, &case).with("encryption", recipients);
    case.apply(&plan.with("retention", json!({"keepLast": 1})))
        .await?;
    case.take("first", "prod").await?;
    case.take("second", "prod").await?;

    // What goes wrong is told at length.
    let wrong = [
        ("username", "backup"),
        ("password", "canary-traced-wrong-password-44c1"),
    ];
    case.secret(AUTH_SECRET, &wrong).await?;
    case.ask("wrong-password", "prod").await?;
    let (reason, message) = case.failed("wrong-password").await?;
    ensure!(reason == "AuthenticationFailed", "{reason}: {message}");
    case.secrets_of(&etcd).await?;
    let (id, secret) = (&*stage.gateway.access_key, &*stage.gateway.secret_key);
    let wrong = "canary-traced-wrong-secret-key-9a02";
    for (secret, works) in [(wrong, false), (secret, true)] {
        let keys = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
        case.secret(STORE_SECRET, &keys).await?;
        if works {
            case.take("third", "prod").await?;
        } else {
            case.ask("wrong-keys", "prod").await?;
            let (reason, message) = case.failed("wrong-keys").await?;
            ensure!(reason == "InvalidCredentials", "{reason}: {message}");
        }
    }
    let pruned = async || {
        case.snapshots()
            .get_opt("second")
            .await
            .is_ok_and(|second| second.is_none())
    };
    wait::until("retention to have removed the second", PATIENCE, pruned).await?;
    let log = fs::read_to_string(operator.log()).context("read the log")?;
    let lines: Vec<_> = log.lines().filter(|line| line.contains(TRACE)).collect();
    // Our own crates are not those that would say too much.
    for of in ["h2", "hyper", "aws_", "rustls", "tower"] {
        ensure!(
            lines.iter().any(|line| line.contains(of)),
            "none of {} lines at that level is of {of}",
            lines.len()
        );
    }
    // Which key signs stands in every request that is signed, and AWS's client tells it at this level; the secret it does not.
    case.canaries.retain(|canary| canary != id);
    case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}
