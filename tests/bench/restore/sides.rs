//! What is timed. Each makes its files anew, and begins when nothing of the others' is left to be written to the disk.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result};
use harness::binaries;

use crate::{
    resident,
    stage::{Stage, run},
    watched::{Seen, watched},
};

/// How far both tools raise revisions.
const BUMP: &str = "--bump-revision=1000000000";

/// What is run, in this order, beginning with another in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Etcdutl,
    Copy,
}

impl Side {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::Etcdutl, Self::Copy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "etcd-backup restore",
            Self::Etcdutl => "etcdutl snapshot restore",
            Self::Copy => "copy of the file, and fsync",
        }
    }

    /// The peak is of anonymous memory, in MiB, and zero for the others.
    pub(super) async fn run(self, stage: &Stage) -> Result<Seen> {
        match self {
            Self::Ours => {
                ours(stage, |command| {
                    command.arg(stage.snapshot());
                })
                .await
            }
            Self::Etcdutl => etcdutl(stage).await.map(unseen),
            Self::Copy => {
                let (from, place) = (stage.snapshot(), Place::empty(stage));
                let copy = tokio::task::spawn_blocking(move || copy(&from, &place));
                copy.await.context("copy")?.map(unseen)
            }
        }
    }
}

fn unseen(seconds: f64) -> Seen {
    Seen { seconds, peak: 0.0 }
}

/// Restores with our program what the arguments name.
pub(super) async fn ours(stage: &Stage, source: impl FnOnce(&mut Command)) -> Result<Seen> {
    let place = Place::empty(stage);
    let mut command = Command::new(binaries::etcd_backup()?);
    // Nothing of the person's own environment.
    command.env_clear().arg("restore").arg(BUMP);
    command.arg("--data-dir").arg(&place.0);
    source(&mut command);
    watched(command, stage.folder(), resident::anonymous).await
}

async fn etcdutl(stage: &Stage) -> Result<f64> {
    let place = Place::empty(stage);
    let mut command = Command::new(binaries::tool(stage.etcd.version.set(), "etcdutl")?);
    command.args(["snapshot", "restore", BUMP, "--mark-compacted"]);
    command.arg(stage.snapshot()).arg("--data-dir").arg(&place.0);
    run(command).await
}

fn copy(from: &Path, place: &Place) -> Result<f64> {
    let started = Instant::now();
    fs::copy(from, &place.0).context("copy the snapshot")?;
    let copied = File::open(&place.0).context("open the copy")?;
    copied.sync_all().context("bring the copy to the disk")?;
    Ok(started.elapsed().as_secs_f64())
}

/// Where one side writes; removed with what it wrote.
struct Place(PathBuf);

impl Place {
    fn empty(stage: &Stage) -> Self {
        let place = Self(stage.folder().join("restored"));
        rustix::fs::sync();
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0).or_else(|_| fs::remove_file(&self.0));
    }
}
