//! Through a link that is slower than etcd, as nearly all are: then it is the store that limits, and nothing may be added.

use std::time::Instant;

use anyhow::Result;
use etcd_backup_backup::manifest::{Compression, Level};

use super::sides::{back_up, upload};
use crate::{
    report::{Goal, Report, median, say},
    stage::Stage,
    stores::Discarding,
};

/// Bytes a second: 1.6 Gbit/s.
const PACE: u32 = 200_000_000;

/// Adds the figures.
pub(super) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\npipeline: into a store that takes 200 MB/s");
    let server = Discarding::start(Some(PACE)).await?;
    let store = server.store().await?;
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for round in 0..stage.rounds {
        let started = Instant::now();
        upload(&*store, &stage.snapshot(), &format!("link-{round}")).await?;
        alone.push(started.elapsed().as_secs_f64());
        let started = Instant::now();
        back_up(stage, &store, Compression::None, Level::Checksum).await?;
        whole.push(started.elapsed().as_secs_f64());
    }
    report.judge(
        "at 200 MB/s: pipeline / upload alone, the slower of the two",
        median(alone) / median(whole),
        "x",
        Goal::AtLeast(0.95),
    );
    Ok(())
}
