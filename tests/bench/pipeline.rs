//! From etcd into a store, against its two halves alone, and against etcdctl and an upload after it.

use std::{fs, os::unix::fs::FileExt, path::Path, sync::Arc, time::Instant};

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

use crate::{
    report::{Goal, Report, median, say},
    stage::Stage,
    stores::{self, Discarding},
};

/// Each side is run so often.
const ROUNDS: usize = 3;

/// Seconds of each round.
#[derive(Default)]
struct Seconds {
    stream: Vec<f64>,
    upload: Vec<f64>,
    pipeline: Vec<f64>,
    etcdctl: Vec<f64>,
    zstd: Vec<f64>,
}

/// Adds the figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    real(stage, report).await?;
    say("\npipeline: into a store that keeps nothing");
    let server = Discarding::start().await?;
    let store = server.store().await?;
    let mut seconds = Seconds::default();
    // Not counted: whoever is first warms up connections and caches for the rest.
    back_up(stage, &store, Compression::None, Level::Checksum).await?;
    for round in 0..ROUNDS {
        take_turns(stage, &store, round, &mut seconds).await?;
    }
    tell(stage.size, seconds, report);
    Ok(())
}

/// Every side once, beginning with another in each round.
async fn take_turns(
    stage: &Stage,
    store: &Arc<dyn Store>,
    round: usize,
    seconds: &mut Seconds,
) -> Result<()> {
    for turn in 0..5 {
        let (what, into, took) = match (turn + round) % 5 {
            0 => ("stream", &mut seconds.stream, stream_alone(stage).await?),
            1 => {
                let took = back_up(stage, store, Compression::None, Level::Checksum).await?;
                ("pipeline", &mut seconds.pipeline, took)
            }
            2 => {
                let took = upload(&**store, &stage.snapshot(), &format!("alone-{round}")).await?;
                ("upload", &mut seconds.upload, took)
            }
            3 => {
                let took = etcdctl_and_upload(stage, &**store, round).await?;
                ("etcdctl, then upload", &mut seconds.etcdctl, took)
            }
            _ => {
                let zstd = Compression::Zstd { level: 1 };
                let took = back_up(stage, store, zstd, Level::Checksum).await?;
                ("pipeline with zstd", &mut seconds.zstd, took)
            }
        };
        say(&format!(
            "  round {} of {ROUNDS}: {what} took {took:.2} s",
            round + 1
        ));
        into.push(took);
    }
    Ok(())
}

fn tell(size: u64, seconds: Seconds, report: &mut Report) {
    let [stream, upload, pipeline, etcdctl, zstd] = [
        seconds.stream,
        seconds.upload,
        seconds.pipeline,
        seconds.etcdctl,
        seconds.zstd,
    ]
    .map(median);
    report.judge(
        "pipeline / slower of stream + SHA-256 and upload",
        stream.max(upload) / pipeline,
        "x",
        Goal::AtLeast(0.95),
    );
    report.judge(
        "etcdctl snapshot save, then upload / pipeline",
        etcdctl / pipeline,
        "x",
        Goal::AtLeast(1.6),
    );
    for (name, seconds) in [
        ("stream + SHA-256 alone", stream),
        ("upload alone", upload),
        ("pipeline", pipeline),
        ("pipeline with zstd", zstd),
        ("etcdctl snapshot save, then upload", etcdctl),
    ] {
        report.tell(name, rate(size, seconds), "MB/s");
    }
}

/// A real server, which keeps what it is given: every byte is read back.
async fn real(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\npipeline: into versitygw, read back");
    let server = stores::versitygw().await?;
    let store = stores::open(&server.endpoint, &server.access_key, &server.secret_key).await?;
    for (name, compression) in [
        ("pipeline into versitygw, read back", Compression::None),
        (
            "pipeline into versitygw with zstd, read back",
            Compression::Zstd { level: 1 },
        ),
    ] {
        let mut seconds = Vec::new();
        for _ in 0..ROUNDS {
            seconds.push(back_up(stage, &store, compression, Level::Readback).await?);
            // One backup at a time: the disk need not hold all of them.
            fs::remove_dir_all(server.data().join(stores::BUCKET).join("bench"))
                .context("remove the backup")?;
        }
        report.tell(name, rate(stage.size, median(seconds)), "MB/s");
    }
    Ok(())
}

/// Reads the stream and hashes it: the least that any backup does.
async fn stream_alone(stage: &Stage) -> Result<f64> {
    let cluster = cluster(stage)?;
    let started = Instant::now();
    let mut stream = cluster.snapshot(&stage.etcd.member(0).endpoint()).await?;
    let mut hash = Sha256::new();
    while let Some(bytes) = stream.try_next().await? {
        hash.update(&bytes);
    }
    std::hint::black_box(hash.finalize());
    Ok(started.elapsed().as_secs_f64())
}

/// Sends a file from the page cache, with as many parts in flight as a backup.
async fn upload(store: &dyn Store, path: &Path, key: &str) -> Result<f64> {
    let started = Instant::now();
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
    let seconds = started.elapsed().as_secs_f64();
    store.delete(key).await?;
    Ok(seconds)
}

/// What people do today.
async fn etcdctl_and_upload(stage: &Stage, store: &dyn Store, round: usize) -> Result<f64> {
    let file = stage.folder().join("etcdctl.db");
    let saved = stage.etcdctl_save(&file).await?;
    let sent = upload(store, &file, &format!("etcdctl-{round}")).await?;
    fs::remove_file(&file).context("remove the snapshot")?;
    Ok(saved + sent)
}

/// A whole backup: from the choice of a member to the manifest.
async fn back_up(
    stage: &Stage,
    store: &Arc<dyn Store>,
    compression: Compression,
    level: Level,
) -> Result<f64> {
    let cluster = cluster(stage)?;
    let begun = Instant::now();
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
    Ok(begun.elapsed().as_secs_f64())
}

fn cluster(stage: &Stage) -> Result<Cluster> {
    let mut config = Config::new(stage.etcd.endpoints());
    config.policy = DialPolicy::allow_all();
    Ok(Cluster::new(config)?)
}

/// Megabytes (10^6) a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e6 / seconds
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the benchmark reads the clock"
)]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
