//! What is timed: a backup, its two halves alone, and what people do today.

use std::{fs, os::unix::fs::FileExt, path::Path, sync::Arc};

use anyhow::{Context, Result};
use bytes::Bytes;
use etcd_backup_backup::{
    layout::{ClusterId, PlanKey, RunId},
    manifest::{Compression, Level, Tool, Trigger},
    write::{self, Control, Limits, Source, SourceError, SpoolLimits, WriteRequest},
};
use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::{ChoosePolicy, Cluster, Config, choose};
use etcd_backup_store::Store;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use crate::stage::Stage;

/// Reads the stream and hashes it: the least that any backup does.
pub(super) async fn stream_alone(stage: &Stage) -> Result<()> {
    let cluster = cluster(stage)?;
    let mut stream = cluster.snapshot(&stage.etcd.member(0).endpoint()).await?;
    let mut hash = Sha256::new();
    while let Some(bytes) = stream.try_next().await? {
        hash.update(&bytes);
    }
    std::hint::black_box(hash.finalize());
    Ok(())
}

/// Sends a file from the page cache, with as many parts in flight as a backup.
pub(super) async fn upload(store: &dyn Store, path: &Path, key: &str) -> Result<()> {
    let file = fs::File::open(path).context("open the snapshot")?;
    let size = file.metadata().context("look at the snapshot")?.len();
    let upload = store.upload(key).await?;
    let part_size = upload.part_size() as u64;
    let sent = stream::iter(0..size.div_ceil(part_size)).map(|index| {
        let (file, upload) = (&file, &upload);
        async move {
            let from = index * part_size;
            let mut part = vec![0; part_size.min(size - from) as usize];
            file.read_exact_at(&mut part, from).context("read the snapshot")?;
            upload.part(index as u32 + 1, Bytes::from(part)).await?;
            anyhow::Ok(())
        }
    });
    let in_flight = Limits::default().parts_in_flight;
    sent.buffer_unordered(in_flight).try_collect::<()>().await?;
    upload.complete().await?;
    Ok(())
}

/// What people do today.
pub(super) async fn etcdctl_and_upload(stage: &Stage, store: &dyn Store, key: &str) -> Result<()> {
    let file = stage.folder().join("etcdctl.db");
    stage.etcdctl_save(&file).await?;
    upload(store, &file, key).await?;
    fs::remove_file(&file).context("remove the snapshot")
}

/// A whole backup: from the choice of a member to the manifest.
pub(super) async fn back_up(
    stage: &Stage,
    store: &Arc<dyn Store>,
    compression: Compression,
    level: Level,
) -> Result<()> {
    let cluster = cluster(stage)?;
    let choice = choose(&cluster.survey().await, &ChoosePolicy::default())?;
    let minimum_revision = cluster.linearizable_revision(&choice.endpoint).await?;
    let stream = cluster.snapshot(&choice.endpoint).await?;
    let started = now();
    let request = WriteRequest {
        plan: PlanKey::new("bench", "bench")?,
        plan_uid: None,
        kubernetes_cluster_uid: None,
        run: RunId::generate(started)?,
        source: Source {
            cluster_id: ClusterId(choice.cluster_id),
            member_id: ClusterId(choice.member_id),
            member_name: choice.member_name.clone(),
            version: choice.version.clone(),
            size: Some(stream.total_bytes()),
            minimum_revision,
            degraded: false,
            members: None,
            corrupt_alarm: false,
        },
        scheduled: None,
        started,
        now: started,
        trigger: Trigger::Manual,
        etcd_snapshot: None,
        compression,
        encryption: None,
        verification: level,
        tool: Tool {
            name: "bench".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        limits: Limits {
            spool: SpoolLimits {
                directory: stage.folder().to_path_buf(),
                ..Limits::default().spool
            },
            ..Limits::default()
        },
    };
    let source = stream.map_err(|error| SourceError {
        reason: error.reason(),
        transient: error.is_transient(),
        source: Box::new(error),
    });
    write::write(source, Arc::clone(store), request, Control::unattended()).await?;
    Ok(())
}

fn cluster(stage: &Stage) -> Result<Cluster> {
    let mut config = Config::new(stage.etcd.endpoints());
    config.policy = DialPolicy::allow_all();
    Ok(Cluster::new(config)?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the benchmark reads the clock"
)]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
