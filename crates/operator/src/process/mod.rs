//! The parts of the process, kept running until they are to end.

mod admin;
mod elect;
mod parts;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::admin::Health;
use crate::context::{Scope, Shared, system_clock};
use crate::error::RunError;
use crate::lease::{Leadership, identity};
use crate::settings::Settings;
use crate::watching::Watches;
use crate::{shutdown, term, watching};

/// Everything that runs, and what ends it.
pub(crate) struct Process {
    shared: Shared,
    scopes: Vec<Arc<Scope>>,
    leadership: Leadership,
    shutdown_grace: Duration,
    /// Tasks that run until the end.
    parts: Vec<(&'static str, JoinHandle<()>)>,
    /// Ends what only reads: watches, wake-ups, admin.
    end: CancellationToken,
    /// Gives the lease back, last of all.
    release: CancellationToken,
    elector: Option<JoinHandle<()>>,
}

impl Process {
    /// Puts the parts together and starts those that run without leading.
    pub(crate) async fn start(client: Client, settings: Settings) -> Result<Self, RunError> {
        let clock = system_clock();
        let identity = identity(&settings.pod_name);
        let release = CancellationToken::new();
        let (leadership, elector) = elect::elect(&client, &settings, &identity, &clock, &release);
        let (wakes, woken) = wakes::channels();
        let (scopes, watches): (Vec<_>, Vec<_>) =
            namespaces(&settings).into_iter().map(watching::scope).unzip();
        let shared = parts::shared(client, &settings, &leadership, identity, clock, wakes, &scopes);
        let mut process = Self {
            shared,
            scopes,
            leadership,
            shutdown_grace: settings.shutdown_grace,
            parts: Vec::new(),
            end: CancellationToken::new(),
            release,
            elector,
        };
        let health = Health::new();
        process.serve_admin(&settings, &health).await?;
        process.watch(&settings, watches, health);
        process.hand_on(woken);
        Ok(process)
    }

    /// Leads whenever it can, until `shutdown`; then ends in order.
    pub(crate) async fn serve(
        mut self,
        shutdown: impl Future<Output = Result<(), RunError>> + Send,
    ) -> Result<(), RunError> {
        let parts = std::mem::take(&mut self.parts);
        let terms = async {
            loop {
                self.leadership.wait_until_leader().await;
                // Lost again already: wait for the next one.
                let Ok(tenure) = self.leadership.tenure() else {
                    continue;
                };
                term::serve(&self.shared, &self.scopes, tenure).await;
            }
        };
        let ending = async {
            let ended = tokio::select! {
                ended = shutdown => ended,
                part = first_to_end(parts) => Err(RunError::Ended(part)),
            };
            shutdown::wind_down(&self.shared, &self.scopes, self.shutdown_grace).await;
            ended
        };
        // The reconciles go on while runs are ended, and write down what becomes of them.
        let ended = tokio::select! {
            ended = ending => ended,
            () = terms => Ok(()),
        };
        self.end.cancel();
        self.release.cancel();
        if let Some(elector) = self.elector
            && elector.await.is_err()
        {
            error!("The elector ended in a bug: the lease runs out by itself");
        }
        info!("Ended");
        ended
    }

    /// Runs the watches of all scopes, of which there is one each, in order.
    fn watch(&mut self, settings: &Settings, watches: Vec<Watches>, health: Health) {
        let (mut plans, mut snapshots, mut restores, mut there) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (scope, watches) in self.scopes.clone().into_iter().zip(watches) {
            let [of_plans, of_snapshots, of_restores, of_namespace] = watches.reports();
            plans.push(of_plans);
            snapshots.push(of_snapshots);
            there.push(of_namespace);
            if settings.enable_restore {
                restores.push(of_restores);
            }
            self.spawn("a watch", watches.run(self.shared.clone(), scope));
        }
        self.spawn(
            "the readiness check",
            watching::keep_ready(health, plans, snapshots, restores, there),
        );
    }

    /// Runs a part until the end.
    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let end = self.end.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = part => {}
                () = end.cancelled_owned() => {}
            }
        });
        self.parts.push((name, task));
    }
}

/// What each scope watches: one namespace, or all.
fn namespaces(settings: &Settings) -> Vec<Option<String>> {
    let mut namespaces: Vec<Option<String>> = settings.watch_namespaces.iter().cloned().map(Some).collect();
    namespaces.sort();
    namespaces.dedup();
    if namespaces.is_empty() {
        namespaces.push(None);
    }
    namespaces
}

/// The name of the first part that ends, by itself or by a panic. None should.
async fn first_to_end(parts: Vec<(&'static str, JoinHandle<()>)>) -> &'static str {
    let (names, tasks): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let (_, index, _) = select_all(tasks).await;
    names.get(index).copied().unwrap_or("a part of the operator")
}
