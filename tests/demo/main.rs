//! `cargo xtask demo`: a real Kubernetes API server is backed up from its own etcd, restored, and compared.
//!
//! Nothing here is simulated: every server is the real one, the operator is the program that is shipped, with the RBAC
//! that is shipped, and the restore is done by etcd's own `etcdutl`.

mod proof;
mod screen;
mod stage;
mod story;
mod tables;

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use harness::scratch;
use screen::{Screen, line};

#[derive(Parser)]
#[command(name = "cargo xtask demo")]
struct Options {
    /// Where snapshots go
    #[arg(long, value_enum, default_value_t = StoreKind::S3)]
    store: StoreKind,
    /// Leave everything running, and say how to look around
    #[arg(long)]
    keep: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    /// A real S3 server, versitygw
    S3,
    /// A folder
    Local,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let screen = Screen::new();
    // Whatever ends the story drops what it holds, and with that every server.
    let end = tokio::select! {
        end = story::tell(&options, &screen) => end,
        signal = interrupted() => signal.and_then(|()| Err(anyhow!("interrupted"))),
    };
    let code = match end {
        // With --keep, Ctrl-C is how it ends.
        Err(error) if !screen.has_succeeded() => {
            screen.failed(&error);
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    };
    match scratch::clear() {
        Ok(()) => line("Everything it started has been stopped, and its files are removed."),
        Err(error) => line(&format!(
            "Everything it started has been stopped; its files remain: {error:#}"
        )),
    }
    code
}

/// Ctrl-C, or SIGTERM.
async fn interrupted() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.context("listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
