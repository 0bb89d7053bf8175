//! Ctrl-C and SIGTERM.

use std::{future::Future, io};

use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};

/// Ready when the process is asked to end.
pub(crate) async fn asked() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Runs `work`, or gives up when asked to.
pub(crate) async fn unless<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        _ = asked() => Err(Failure::new(Exit::Interrupted, "interrupted: nothing was done")),
    }
}
