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
    case.finish(&etcd).await?.ensure_number(1)
}

#[tokio::test]
async fn certificates_that_are_changed_during_a_stream_let_it_end_and_serve_the_next() -> Result<()> {
    let (mut case, mut etcd, wire) = behind_the_wire("rotated", 3_000).await?;

    hold_in_mid_stream(&case, &wire, "meanwhile").await?;
    etcd.renew_certificates()?;
    case.secrets_of(&etcd).await?;
    wire.heal();
    case.succeeded("meanwhile").await?;

    // Started again, the member takes and shows what the new authority signed, and nothing else.
    etcd.member(0).stop().await?;
    etcd.member(0).start().await?;
    case.take("afterwards", "prod").await?;
    case.finish(&etcd).await?.ensure_number(2)
}

/// What a stream may end with whose member is gone: the connection ends, or nothing answers any more.
const BROKEN: [&str; 2] = ["StreamBroken", "CertificateInvalid"];

#[tokio::test]
async fn a_member_that_comes_back_with_other_certificates_during_a_stream_costs_an_attempt() -> Result<()> {
    // More than sockets and windows between etcd and us can hold: the rest of the stream is lost.
    let (mut case, mut etcd, wire) = behind_the_wire("reissued", 40_000).await?;

    restart_reissued(&mut case, &mut etcd, &wire, "only-once").await?;
    let (reason, message) = case.failed("only-once").await?;
    ensure!(BROKEN.contains(&&*reason), "{reason}: {message}");
    nothing_is_stored(&case)?;
    case.take("afterwards", "prod").await?;

    // With a second attempt, that one reads the Secret anew.
    case.edit("prod", json!({"spec": {"retries": 1}})).await?;
    restart_reissued(&mut case, &mut etcd, &wire, "twice").await?;
    let status = case.succeeded("twice").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(2),
        "it took {:?} attempts",
        status.attempts
    );
    case.event("AttemptFailed", "twice").await?;
    case.finish(&etcd).await?.ensure_number(2)
}

/// An etcd that demands certificates, filled with so many kilobytes, and the plan `prod` that reaches it through a proxy.
async fn behind_the_wire(name: &str, kilobytes: u32) -> Result<(Case, Etcd, Proxy)> {
    let (mut case, _) = Case::begin(name).await?;
    let etcd = data::filled(Etcd::start(Version::V3_6).tls()).await?;
    data::bulk(&etcd, kilobytes).await?;
    case.secrets_of(&etcd).await?;
    let wire = Proxy::before(etcd.member(0).port())?;
    let endpoint = format!("https://127.0.0.1:{}", wire.port());
    let plan = Plan::new("prod", &etcd, &case).with("etcd/endpoints", json!([endpoint]));
    case.apply(&plan).await?;
    Ok((case, etcd, wire))
}

/// Asks for a snapshot, and lets its stream stand still when it is under way.
async fn hold_in_mid_stream(case: &Case, wire: &Proxy, snapshot: &str) -> Result<()> {
    wire.hold_after(1_000_000);
    let before = wire.answered();
    case.ask(snapshot, "prod").await?;
    let under_way = async || wire.answered() >= before + 1_000_000;
    wait::until("the stream to be under way", PATIENCE, under_way).await
}

/// Asks for a snapshot. In mid-stream, everybody gets certificates of another authority, and the member is started again
/// with its own.
async fn restart_reissued(case: &mut Case, etcd: &mut Etcd, wire: &Proxy, snapshot: &str) -> Result<()> {
    hold_in_mid_stream(case, wire, snapshot).await?;
    etcd.member(0).kill()?;
    etcd.renew_certificates()?;
    case.secrets_of(etcd).await?;
    etcd.member(0).start().await?;
    wire.heal();
    Ok(())
}

/// Neither a manifest nor a snapshot of a run that failed.
fn nothing_is_stored(case: &Case) -> Result<()> {
    let stored = case.stored()?;
    let left: Vec<_> = stored
        .keys()
        .filter(|key| !key.ends_with("/owner.json"))
        .collect();
    ensure!(left.is_empty(), "it left {left:?}");
    Ok(())
}
