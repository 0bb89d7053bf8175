//! From etcd into a store, against its two halves alone, and against etcdctl and an upload after it.

mod link;
mod sides;

use std::{fs, sync::Arc, thread};

use anyhow::{Context, Result};
use etcd_backup_backup::manifest::{Compression, Level};
use etcd_backup_store::Store;

use crate::{
    cost::{self, Cost, Processes},
    report::{Goal, Report, median, say},
    stage::Stage,
    stores::{self, Discarding},
};
use sides::{back_up, etcdctl_and_upload, stream_alone, upload};

/// What is run, in this order, beginning with another in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Stream,
    Pipeline,
    Upload,
    Etcdctl,
    Zstd,
}

impl Side {
    const ALL: [Self; 5] = [
        Self::Stream,
        Self::Pipeline,
        Self::Upload,
        Self::Etcdctl,
        Self::Zstd,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream + SHA-256 alone",
            Self::Pipeline => "pipeline",
            Self::Upload => "upload alone",
            Self::Etcdctl => "etcdctl snapshot save, then upload",
            Self::Zstd => "pipeline with zstd",
        }
    }

    async fn run(self, stage: &Stage, store: &Arc<dyn Store>, round: usize) -> Result<()> {
        match self {
            Self::Stream => stream_alone(stage).await,
            Self::Pipeline => back_up(stage, store, Compression::None, Level::Checksum).await,
            Self::Upload => upload(&**store, &stage.snapshot(), &format!("alone-{round}")).await,
            Self::Etcdctl => etcdctl_and_upload(stage, &**store, &format!("etcdctl-{round}")).await,
            Self::Zstd => back_up(stage, store, Compression::Zstd { level: 1 }, Level::Checksum).await,
        }
    }
}

/// Adds the figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    link::measure(stage, report).await?;
    real(stage, report).await?;
    say("\npipeline: into a store that keeps nothing");
    let server = Discarding::start(None).await?;
    let store = server.store().await?;
    let processes = Processes {
        etcd: stage.etcd.member(0).id().context("etcd does not run")?,
        store: server.id(),
    };
    // Not counted: whoever is first warms up connections and caches for the rest.
    Side::Pipeline.run(stage, &store, 0).await?;
    let mut costs: [Vec<Cost>; Side::ALL.len()] = Default::default();
    for round in 0..stage.rounds {
        for turn in 0..Side::ALL.len() {
            let index = (turn + round) % Side::ALL.len();
            let side = Side::ALL[index];
            let cost = cost::of(processes, side.run(stage, &store, round)).await?;
            say(&format!(
                "  round {} of {}: {:<36} {:5.2} s; on cores: {:5.2} s ({:.2} client, {:.2} etcd, {:.2} store)",
                round + 1,
                stage.rounds,
                side.name(),
                cost.clock,
                cost.cores(),
                cost.client,
                cost.etcd,
                cost.store,
            ));
            costs[index].push(cost);
        }
    }
    tell(stage.size, &costs, report);
    Ok(())
}

fn tell(size: u64, costs: &[Vec<Cost>; Side::ALL.len()], report: &mut Report) {
    let middle = |side: Side, what: fn(&Cost) -> f64| median(costs[side as usize].iter().map(what).collect());
    let clock = |side| middle(side, |cost| cost.clock);
    report.judge(
        "pipeline / slower of stream + SHA-256 and upload",
        clock(Side::Stream).max(clock(Side::Upload)) / clock(Side::Pipeline),
        "x",
        Goal::AtLeast(0.95),
    );
    report.judge(
        "etcdctl snapshot save, then upload / pipeline",
        clock(Side::Etcdctl) / clock(Side::Pipeline),
        "x",
        Goal::AtLeast(1.6),
    );
    // What both halves cost has to be done in any case, and etcd and the store are on the same cores here.
    let both = middle(Side::Stream, |cost| cost.cores()) + middle(Side::Upload, |cost| cost.cores());
    let cores = thread::available_parallelism()
        .map_or(1.0, |cores| f64::from(u32::try_from(cores.get()).unwrap_or(1)));
    report.tell(
        "pipeline / slower of the two: the most that these cores allow",
        clock(Side::Stream).max(clock(Side::Upload)) / clock(Side::Stream).max(both / cores),
        "x",
    );
    report.tell(
        "etcdctl snapshot save, then upload / pipeline: were no core ever idle in the pipeline",
        clock(Side::Etcdctl) * cores / middle(Side::Pipeline, |cost| cost.cores()),
        "x",
    );
    for side in Side::ALL {
        report.tell(side.name(), rate(size, clock(side)), "MB/s");
    }
    for side in Side::ALL {
        let name = side.name();
        report.tell(
            &format!("{name}: on cores"),
            middle(side, |cost| cost.cores()),
            "s",
        );
        report.tell(
            &format!("{name}: of these the client"),
            middle(side, |cost| cost.client),
            "s",
        );
    }
}

/// A real server, which keeps what it is given: every byte is read back.
async fn real(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\npipeline: into versitygw, read back");
    let server = stores::versitygw().await?;
    let store = stores::open(&server.endpoint, &server.access_key, &server.secret_key).await?;
    let processes = Processes {
        etcd: stage.etcd.member(0).id().context("etcd does not run")?,
        store: server.id(),
    };
    for (name, compression) in [
        ("pipeline into versitygw, read back", Compression::None),
        (
            "pipeline into versitygw with zstd, read back",
            Compression::Zstd { level: 1 },
        ),
    ] {
        let mut seconds = Vec::new();
        for _ in 0..stage.rounds {
            let backup = back_up(stage, &store, compression, Level::Readback);
            seconds.push(cost::of(processes, backup).await?.clock);
            // One backup at a time: the disk need not hold all of them.
            fs::remove_dir_all(server.data().join(stores::BUCKET).join("bench"))
                .context("remove the backup")?;
        }
        report.tell(name, rate(stage.size, median(seconds)), "MB/s");
    }
    Ok(())
}

/// Megabytes (10^6) a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
pub(crate) fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e6 / seconds
}
