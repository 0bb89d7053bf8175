//! `cargo xtask bench`: how fast, and in how much memory, measured against what else could be used.
//!
//! Speed depends on the machine, so what has a goal is a ratio wherever it can be: both sides run on real servers and
//! the same data, in turns, in one run. Each is run three times and the median counts.

mod cost;
mod data;
mod idle;
mod memory;
mod pipeline;
mod report;
mod resident;
mod restore;
mod stage;
mod stores;
mod verify;
mod watched;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, anyhow};
use clap::{Parser, ValueEnum};
use harness::scratch;
use tokio::signal::unix::{SignalKind, signal};

use report::{Report, say};
use stage::Stage;

#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// What to measure; everything when absent
    #[arg(value_enum, value_name = "NAME")]
    groups: Vec<Group>,
    /// Where the figures go, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Restore this snapshot, of 1 GiB at least, in place of writing new data
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// How often each side is run; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Be an S3 server that keeps nothing, on this port of 127.0.0.1. How this program starts itself
    #[arg(long, hide = true)]
    discarding_store: Option<u16>,
    /// Take so many bytes a second. For `--discarding-store`
    #[arg(long, hide = true)]
    pace: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Verifying a snapshot, and `snapshot status` beside etcdutl's
    Verify,
    /// From etcd into a store
    Pipeline,
    /// The most memory that a backup takes
    Memory,
    /// From a snapshot to a data directory
    Restore,
    /// What ten thousand plans cost with nothing due
    Idle,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let work = async {
        match options.discarding_store {
            Some(port) => stores::serve_discarding(port, options.pace).await,
            None => measure(&options).await,
        }
    };
    // Whatever ends the work drops what it holds, and with that every server.
    let end = tokio::select! {
        end = work => end,
        signal = interrupted() => signal.and_then(|()| Err(anyhow!("interrupted"))),
    };
    let end = end.and_then(|()| scratch::clear());
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options) -> Result<()> {
    let wanted = |group| options.groups.is_empty() || options.groups.contains(&group);
    let mut report = Report::default();
    let with_data = [Group::Verify, Group::Pipeline, Group::Memory, Group::Restore];
    if with_data.into_iter().any(wanted) {
        let stage = Stage::set(options.from.as_deref(), options.rounds).await?;
        if wanted(Group::Verify) {
            verify::measure(&stage, &mut report).await?;
        }
        if wanted(Group::Pipeline) {
            pipeline::measure(&stage, &mut report).await?;
        }
        if wanted(Group::Memory) {
            memory::measure(&stage, &mut report).await?;
        }
        if wanted(Group::Restore) {
            restore::measure(&stage, &mut report).await?;
        }
    }
    if wanted(Group::Idle) {
        idle::measure(&mut report).await?;
    }
    report.print();
    options.json.as_deref().map_or(Ok(()), |path| report.save(path))
}

/// Ctrl-C, or SIGTERM.
async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
