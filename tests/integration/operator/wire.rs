//! What happens between etcd and us.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    proxy::Proxy,
    wait,
};
use serde_json::json;

use super::{case::Case, data, outcome::PATIENCE, plan::Plan};

/// What may find a bit that has changed: the checks of etcd's own trailer and of the structure, and HTTP/2 where it was
/// a bit of its own framing.
const FOUND: [&str; 5] = [
    "TrailerMismatch",
    "CorruptStructure",
    "CorruptRecord",
    "StreamBroken",
    "SizeMismatch",
];

#[tokio::test]
async fn a_bit_that_flips_on_the_wire_is_found_and_leaves_nothing() -> Result<()> {
    let (case, _) = Case::begin("flipped").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    data::bulk(&etcd, 2_000).await?;
    let wire = Proxy::before(etcd.member(0).port())?;
    let endpoint = format!("http://127.0.0.1:{}", wire.port());
    let plan = Plan::new("prod", &etcd, &case).with("etcd/endpoints", json!([endpoint]));
    case.apply(&plan).await?;
    let mut reasons = BTreeSet::new();
    // Deep enough for the snapshot's stream: all other answers together are a few kilobytes.
    for offset in [100_000, 500_001, 1_000_002, 1_900_003] {
        wire.flip_bit(offset);
        let name = format!("flipped-{offset}");
        case.ask(&name, "prod").await?;
        let (reason, message) = case.failed(&name).await?;
        ensure!(wire.has_flipped(), "it failed before: {reason}: {message}");
        ensure!(FOUND.contains(&&*reason), "{reason}: {message}");
        reasons.insert(reason);
    }
    // Most of a snapshot are values, in which nothing but the trailer can find it.
    ensure!(reasons.contains("TrailerMismatch"), "it was found as {reasons:?}");
    case.take("sound", "prod").await?;
    let holdings = case.finish(&etcd).await?;
    ensure!(
        holdings.backups.len() == 1,
        "there are {}",
        holdings.backups.len()
    );
    Ok(())
}

#[tokio::test]
async fn certificates_that_are_changed_during_a_stream_let_it_end_and_serve_the_next() -> Result<()> {
    let (mut case, _) = Case::begin("rotated").await?;
    let mut etcd = data::filled(Etcd::start(Version::V3_6).tls()).await?;
    data::bulk(&etcd, 3_000).await?;
    case.secrets_of(&etcd).await?;
    let wire = Proxy::before(etcd.member(0).port())?;
    let endpoint = format!("https://127.0.0.1:{}", wire.port());
    let plan = Plan::new("prod", &etcd, &case).with("etcd/endpoints", json!([endpoint]));
    case.apply(&plan).await?;

    wire.hold_after(1_000_000);
    let before = wire.answered();
    case.ask("meanwhile", "prod").await?;
    let under_way = async || wire.answered() >= before + 1_000_000;
    wait::until("the stream to be under way", PATIENCE, under_way).await?;
    etcd.renew_certificates()?;
    case.secrets_of(&etcd).await?;
    wire.heal();
    case.succeeded("meanwhile").await?;

    // Started again, the member takes and shows what the new authority signed, and nothing else.
    etcd.member(0).stop().await?;
    etcd.member(0).start().await?;
    case.take("afterwards", "prod").await?;
    let holdings = case.finish(&etcd).await?;
    ensure!(
        holdings.backups.len() == 2,
        "there are {}",
        holdings.backups.len()
    );
    Ok(())
}
