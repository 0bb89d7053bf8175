//! The controllers: plans, snapshots and restores, runs, leader election, metrics, health.
//!
//! ```text
//! watches ──► caches ──► [leader only] reconciles: observe → decide → act → report
//!                             │   ▲
//!                    requests ▼   │ wake-ups
//!                        runs, upkeep ──► etcd, stores
//! ```
//!
//! A reconcile never waits for etcd or a store: it asks, and is woken when the answer is there.

pub mod admin;
pub mod agent;
pub mod cache;
pub mod connect;
pub mod context;
mod deletion;
pub mod drill;
mod error;
pub mod events;
pub mod explain;
#[cfg(test)]
mod fixtures;
pub mod jobs;
pub mod lease;
pub mod listing;
pub mod metrics;
mod own_writes;
pub mod ownership;
pub mod plan;
mod process;
mod progress;
mod read;
pub mod reconcile;
pub mod restore;
pub mod runs;
pub mod settings;
mod shutdown;
pub mod snapshot;
pub mod status;
mod term;
mod there;
pub mod upkeep;
pub mod wake;
mod watching;

use std::future::Future;

use kube::{Client, Config};

pub use error::RunError;

use settings::Settings;

/// Runs the operator until SIGTERM or SIGINT.
///
/// The API server is found as kubectl finds it: in a pod by its service account, else by the kubeconfig.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    settings.validate()?;
    let config = Config::infer()
        .await
        .map_err(|source| RunError::InferConfig(Box::new(source)))?;
    let client = Client::try_from(config).map_err(|source| RunError::BuildClient(Box::new(source)))?;
    run_with(client, settings, shutdown::signalled()).await
}

/// Runs the operator against `client` until `shutdown` resolves, then ends in order: runs first, the lease last.
pub async fn run_with(
    client: Client,
    settings: Settings,
    shutdown: impl Future<Output = Result<(), RunError>> + Send,
) -> Result<(), RunError> {
    settings.validate()?;
    process::Process::start(client, settings)
        .await?
        .serve(shutdown)
        .await
}
