//! Namespaces that come to an end, and those that are none of an operator's business.

use anyhow::{Result, ensure};
use harness::{etcd::Version, http};

use super::{
    case::Case,
    data,
    permissions::{lines, logged},
    plan::Plan,
    world::{self, LEASE},
};

#[tokio::test]
async fn in_a_namespace_that_is_being_deleted_nothing_loops_and_others_are_served() -> Result<()> {
    let (case, world) = Case::begin("going").await?;
    let (neighbour, _) = Case::begin("staying").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    neighbour
        .apply(&Plan::new("prod", &world.subject, &neighbour))
        .await?;
    case.take("first", "prod").await?;
    // No controller ends namespaces here, so it stays in that state, in which nothing new can be created.
    case.kubectl
        .run(&["delete", "namespace", "going", "--wait=false"])?;
    case.run_now("prod", "too-late").await?;
    let log = world.operator.log();
    let refused = ["EtcdBackup going/prod", "being terminated"];
    logged(log, &refused).await?;
    let before = lines(log, &refused);
    for name in ["one", "two", "three"] {
        neighbour.take(name, "prod").await?;
    }
    let meanwhile = lines(log, &refused) - before;
    ensure!(meanwhile <= 5, "it was tried {meanwhile} times meanwhile");
    // What has been stored stays what it is.
    case.succeeded("first").await?;
    neighbour.finish(&world.subject).await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn an_operator_of_two_namespaces_serves_both_and_no_third() -> Result<()> {
    let stage = world::breakable().await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut cases = Vec::new();
    for name in ["scope-one", "scope-two", "scope-none"] {
        let case = Case::on(&stage, name).await?;
        case.apply(&Plan::new("prod", &etcd, &case)).await?;
        case.ask("first", "prod").await?;
        cases.push(case);
    }
    let flags = ["--watch-namespace=scope-one", "--watch-namespace=scope-two"];
    let mut operator = stage.operator(&[&LEASE[..], &flags].concat()).await?;
    for case in &mut cases {
        case.follow(&operator);
    }
    for case in &cases[..2] {
        case.succeeded("first").await?;
        // A second one shows that it had time for the third namespace, had it looked there.
        case.take("second", "prod").await?;
    }
    let third = cases.pop().expect("three were begun");
    let plan = third.plans().get("prod").await?;
    ensure!(plan.status.is_none(), "its status was written: {:?}", plan.status);
    let snapshot = third.snapshots().get("first").await?;
    ensure!(
        snapshot.status.is_none(),
        "it was looked at: {:?}",
        snapshot.status
    );
    third.finish_unproved().await?;
    for case in cases {
        case.finish(&etcd).await?;
    }
    ensure!(operator.stop().await?.success());
    // One that does not exist would be watched in silence.
    let mut mistyped = stage.replica(&[&LEASE[..], &["--watch-namespace=scope-on"]].concat())?;
    logged(mistyped.log(), &["there is no namespace scope-on"]).await?;
    let told = http::get(mistyped.health_port(), "/readyz").await;
    ensure!(told.is_err(), "it is ready: {told:?}");
    ensure!(mistyped.stop().await?.success());
    Ok(())
}
