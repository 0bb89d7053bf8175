//! Etcds with something in them that is worth a backup.

use anyhow::{Context, Result};
use harness::{
    etcd::{Etcd, Start, Version},
    s3::{Fault, Operation, S3Server},
};

/// A part of such an etcd's snapshot takes some ten seconds this way: time to look while a run is under way.
pub(super) const SLOWLY: Fault = Fault::SlowReceive {
    bytes_per_second: 1_500,
};

/// The first part that the store is sent takes it so long.
pub(super) fn slow_once(server: &S3Server) {
    server.plan().on(Operation::UploadPart).times(1).fails(SLOWLY);
}

/// One member with a little of everything.
pub(crate) async fn etcd(version: Version) -> Result<Etcd> {
    filled(Etcd::start(version)).await
}

/// The cluster that is described, with a little of everything.
pub(super) async fn filled(start: Start) -> Result<Etcd> {
    let etcd = start.await?;
    fill(&etcd).await?;
    Ok(etcd)
}

/// Writes, overwrites, deletes, leases.
async fn fill(etcd: &Etcd) -> Result<()> {
    let mut client = etcd.client().await?;
    let lease = client
        .lease_grant(3600, None)
        .await
        .context("grant a lease")?
        .id();
    for number in 0..60 {
        let key = format!("/registry/configmaps/default/{number}");
        client
            .put(&*key, value(number, 300), None)
            .await
            .context("write")?;
        if number % 3 == 0 {
            client
                .put(&*key, value(number + 1, 200), None)
                .await
                .context("overwrite")?;
        }
        if number % 7 == 0 {
            client.delete(&*key, None).await.context("delete")?;
        }
    }
    let options = etcd_client::PutOptions::new().with_lease(lease);
    client
        .put("/registry/leases/one", "leased", Some(options))
        .await
        .context("write with a lease")?;
    Ok(())
}

/// Writes values that do not compress, `kilobytes` of them in all.
pub(crate) async fn bulk(etcd: &Etcd, kilobytes: u32) -> Result<()> {
    let mut client = etcd.client().await?;
    for number in 0..kilobytes.div_ceil(100) {
        client
            .put(format!("/bulk/{number}"), value(number, 100 * 1024), None)
            .await
            .context("write much")?;
    }
    Ok(())
}

/// Bytes that look random and are the same each time (an LCG with the constants of Knuth's MMIX).
fn value(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}
