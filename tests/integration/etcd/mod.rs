//! `etcd-backup-etcd` against real members of etcd 3.5, 3.6 and 3.7.

mod choosing;
mod faults;
mod security;
mod snapshot;

use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use etcd_backup_etcd::{
    Auth, Choice, ChoosePolicy, Cluster, Config, DialPolicy, EtcdError, SnapshotStream, Timeouts, Tls, choose,
};
use futures::TryStreamExt;
use harness::etcd::Etcd;
use tokio::{fs::File, io::AsyncWriteExt};

/// Everything that reaches this cluster.
fn config(etcd: &Etcd) -> Config {
    Config {
        tls: etcd.tls.as_ref().map(|tls| Tls {
            ca_pem: Some(tls.authority.pem().into()),
            cert_pem: Some(tls.client.cert.clone().into()),
            key_pem: Some(tls.client.key.clone().into()),
            server_name: None,
        }),
        auth: etcd
            .auth
            .clone()
            .map(|(username, password)| Auth { username, password }),
        policy: DialPolicy::allow_all(),
        timeouts: Timeouts {
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(3),
            ..Timeouts::default()
        },
        ..Config::new(etcd.endpoints())
    }
}

fn cluster(etcd: &Etcd) -> Result<Cluster> {
    Cluster::new(config(etcd)).context("connect")
}

async fn chosen(cluster: &Cluster) -> Result<Choice> {
    Ok(choose(&cluster.survey().await, &ChoosePolicy::default())?)
}

/// The whole way to an open stream, as the operator goes it.
async fn opened(config: Config) -> Result<SnapshotStream> {
    let cluster = Cluster::new(config)?;
    let choice = chosen(&cluster).await?;
    cluster.linearizable_revision(&choice.endpoint).await?;
    Ok(cluster.snapshot(&choice.endpoint).await?)
}

/// Why the only endpoint gives no status.
async fn refused(config: Config) -> Result<EtcdError> {
    let mut survey = Cluster::new(config)?.survey().await;
    let probe = survey.probes.pop().context("an endpoint")?;
    probe.status.err().context("the member answered")
}

/// Writes the stream to a file; its length.
async fn save(mut stream: SnapshotStream, path: &Path) -> Result<u64> {
    let mut file = File::create(path).await?;
    let mut length = 0;
    while let Some(bytes) = stream.try_next().await? {
        file.write_all(&bytes).await?;
        length += bytes.len() as u64;
    }
    file.sync_all().await?;
    Ok(length)
}

/// Writes this many MiB of values that do not compress.
async fn fill(etcd: &Etcd, mebibytes: usize) -> Result<()> {
    let mut client = etcd.client().await?;
    let mut state = 1_u32;
    for number in 0..mebibytes {
        let value: Vec<u8> = std::iter::repeat_with(|| {
            // xorshift, Marsaglia 2003
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .take(1 << 20)
        .collect();
        client.put(format!("filler/{number}"), value, None).await?;
    }
    Ok(())
}
