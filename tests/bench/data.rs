//! A database like that of a Kubernetes cluster: many small objects in repeating JSON, some updated, and now and then
//! a Secret with a Helm release, which does not compress.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result};
use etcd_client::{Client, Txn, TxnOp};
use futures::future::try_join_all;

use crate::report::say;

/// Bytes of values to write; with keys and pages around them the database is larger.
const VALUES: u64 = 1088 << 20;
/// Writers at once.
const WRITERS: u64 = 4;
/// Keys in one transaction: below etcd's limits of 128 operations and 1.5 MiB.
const BATCH: u64 = 48;
/// Of a hundred values, those that do not compress.
const INCOMPRESSIBLE: u64 = 12;
/// One write in so many updates a key that is there.
const UPDATED: u64 = 8;

const KINDS: [&str; 6] = [
    "pods",
    "events",
    "configmaps",
    "replicasets",
    "endpointslices",
    "leases",
];

/// Fills etcd until it holds [`VALUES`].
pub(crate) async fn fill(client: &Client) -> Result<()> {
    let written = Arc::new(AtomicU64::new(0));
    let writers = (0..WRITERS).map(|writer| write(client.clone(), writer, Arc::clone(&written)));
    try_join_all(writers).await.map(drop)
}

async fn write(mut client: Client, writer: u64, written: Arc<AtomicU64>) -> Result<()> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (writer + 1));
    let mut names = 0;
    while written.load(Ordering::Relaxed) < VALUES {
        let mut puts = Vec::new();
        let mut bytes = 0;
        let first_batch = names == 0;
        for _ in 0..BATCH {
            // A key may stand only once in a transaction: what is updated is the one at this place in the batch before.
            let update = !first_batch && random.below(UPDATED) == 0;
            let name = if update { names - BATCH } else { names };
            let (key, value) = object(&mut random, writer, name);
            bytes += value.len() as u64;
            puts.push(TxnOp::put(key, value, None));
            names += 1;
        }
        client.txn(Txn::new().and_then(puts)).await.context("fill etcd")?;
        let before = written.fetch_add(bytes, Ordering::Relaxed);
        if before >> 28 != (before + bytes) >> 28 {
            say(&format!("  {} MiB of values written", (before + bytes) >> 20));
        }
    }
    Ok(())
}

fn object(random: &mut Random, writer: u64, name: u64) -> (String, Vec<u8>) {
    let size = size(random);
    if random.below(100) < INCOMPRESSIBLE {
        let key = format!("/registry/secrets/team-{writer}/sh.helm.release.v1.app-{name}");
        let bytes = (0..size.div_ceil(8)).flat_map(|_| random.next().to_le_bytes());
        return (key, bytes.collect());
    }
    let kind = KINDS[(name % KINDS.len() as u64) as usize];
    let mut json = format!(
        r#"{{"kind":"{kind}","metadata":{{"name":"app-{name}","namespace":"team-{writer}","uid":"{:016x}","#,
        random.next()
    );
    while (json.len() as u64) < size {
        let part = format!(
            r#"{{"manager":"kube-controller-manager","operation":"Update","time":"2026-01-01T00:00:{:02}Z","name":"container-{}","image":"registry.example/app@sha256:{:016x}","resources":{{"requests":{{"cpu":"100m","memory":"128Mi"}}}},"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"}},"#,
            random.below(60),
            random.below(1000),
            random.next(),
        );
        json += &part;
    }
    (
        format!("/registry/{kind}/team-{writer}/app-{name}"),
        json.into_bytes(),
    )
}

/// 1 to 20 KB, the small ones more often.
fn size(random: &mut Random) -> u64 {
    1000 + random.below(19_000).min(random.below(19_000))
}

/// xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled"): the same data in
/// every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
