//! The parts of the process, put together and kept running.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::TimeDelta;
use etcd_backup_api::{EtcdBackup, EtcdRestore, EtcdSnapshot};
use futures::future::select_all;
use kube::Client;
use kube::runtime::reflector::ObjectRef;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::admin::{Health, health_router, metrics_router, serve};
use crate::cache::{PlanObject, RestoreObject, SnapshotObject};
use crate::connect::Connector;
use crate::context::{Clock, Scope, Shared, system_clock};
use crate::drill::Drills;
use crate::error::RunError;
use crate::events::Events;
use crate::jobs::{JobPolicy, Listener};
use crate::lease::{Elector, Leadership, LeaseSettings, identity};
use crate::listing::Ledger;
use crate::metrics::Metrics;
use crate::restore::{Errands, InUse};
use crate::runs::{Dispatch, Executor, JobExecutor, Limits, Runs, SpoolOfPods, Waits};
use crate::settings::Settings;
use crate::upkeep::{Bounds, Caretaker, Upkeep};
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
    #[expect(
        clippy::too_many_lines,
        reason = "every part is named once, where they are put together"
    )]
    pub(crate) async fn start(client: Client, settings: Settings) -> Result<Self, RunError> {
        let clock = system_clock();
        let identity = identity(&settings.pod_name);
        let release = CancellationToken::new();
        let (leadership, elector) = elect(&client, &settings, &identity, &clock, &release);
        let metrics = Arc::new(Metrics::new(leadership.clone()));
        let health = Health::new();
        let (snapshot_wakes, snapshots_woken) = unbounded_channel();
        let (plan_wakes, plans_woken) = unbounded_channel();
        let (restore_wakes, restores_woken) = unbounded_channel();
        let in_use = Arc::new(InUse::default());
        let connector = Connector::new(client.clone(), &settings, Arc::clone(&metrics));
        let events = Events::new(client.clone(), &identity);
        let executor = Executor::new(
            connector.clone(),
            &settings,
            leadership.clone(),
            Arc::clone(&metrics),
            events.clone(),
            Arc::clone(&clock),
        );
        let job_policy = Arc::new(JobPolicy::of(&settings));
        let waits = Waits::default();
        let listener = Listener::new(client.clone());
        let jobs = JobExecutor {
            client: client.clone(),
            listener: listener.clone(),
            connector: connector.clone(),
            job_policy: Arc::clone(&job_policy),
            spool: SpoolOfPods::of(&settings),
            metrics: Arc::clone(&metrics),
            events: events.clone(),
            waits: waits.clone(),
            wake: snapshot_wakes.clone(),
            clock: Arc::clone(&clock),
        };
        let errands = Errands::new(
            connector.clone(),
            Arc::clone(&in_use),
            restore_wakes,
            Arc::clone(&clock),
        );
        let drills = Drills::new(
            client.clone(),
            listener.clone(),
            Arc::clone(&job_policy),
            plan_wakes.clone(),
            Arc::clone(&clock),
        );
        let caretaker = Caretaker::new(
            connector,
            Arc::clone(&in_use),
            leadership.clone(),
            Arc::clone(&metrics),
            Arc::clone(&clock),
        );
        let shared = Shared {
            runs: Runs::new(
                Arc::new(Dispatch {
                    operator: executor,
                    jobs,
                }),
                limits(&settings),
                snapshot_wakes,
                Arc::clone(&metrics),
                Arc::clone(&clock),
            ),
            waits,
            upkeep: Upkeep::new(
                Arc::new(caretaker),
                Bounds::default(),
                plan_wakes,
                Arc::clone(&clock),
            ),
            events,
            resync: TimeDelta::from_std(settings.catalogue_resync).unwrap_or(TimeDelta::hours(1)),
            ledger: Arc::new(Ledger::default()),
            own_writes: Arc::default(),
            in_use,
            errands,
            drills,
            listener,
            job_policy,
            stopping: Arc::new(AtomicBool::new(false)),
            client,
            clock,
            metrics,
            identity,
        };
        let mut process = Self {
            shared,
            scopes: Vec::new(),
            leadership,
            shutdown_grace: settings.shutdown_grace,
            parts: Vec::new(),
            end: CancellationToken::new(),
            release,
            elector,
        };
        process.serve_admin(&settings, &health).await?;
        process.watch(&settings, health);
        process.forward(plans_woken, snapshots_woken, restores_woken);
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

    /// `/metrics`, `/healthz`, `/readyz`: on one port or two.
    async fn serve_admin(&mut self, settings: &Settings, health: &Health) -> Result<(), RunError> {
        let metrics = metrics_router(Arc::clone(&self.shared.metrics));
        let probes = health_router(health.clone());
        let (at, probes_at) = (settings.metrics_bind_address, settings.health_bind_address);
        let routers = if at == probes_at {
            vec![(at, metrics.merge(probes))]
        } else {
            vec![(at, metrics), (probes_at, probes)]
        };
        for (address, router) in routers {
            let listener = listen(address).await?;
            let end = self.end.clone().cancelled_owned();
            self.spawn("the admin server", async move {
                if let Err(error) = serve(listener, router, end).await {
                    error!(%error, %address, "The admin server failed");
                }
            });
        }
        self.spawn("the heartbeat", health.clone().keep_beating());
        Ok(())
    }

    /// One scope for each namespace to watch, or one for all.
    fn watch(&mut self, settings: &Settings, health: Health) {
        let mut namespaces: Vec<Option<String>> =
            settings.watch_namespaces.iter().cloned().map(Some).collect();
        namespaces.sort();
        namespaces.dedup();
        if namespaces.is_empty() {
            namespaces.push(None);
        }
        let (mut plans, mut snapshots, mut restores) = (Vec::new(), Vec::new(), Vec::new());
        for namespace in namespaces {
            let (scope, watches) = watching::scope(namespace);
            let (of_plans, of_snapshots, of_restores) = watches.reports();
            plans.push(of_plans);
            snapshots.push(of_snapshots);
            if settings.enable_restore {
                restores.push(of_restores);
            }
            self.spawn("a watch", watches.run(self.shared.clone(), Arc::clone(&scope)));
            self.scopes.push(scope);
        }
        self.spawn(
            "the readiness check",
            watching::keep_ready(health, plans, snapshots, restores),
        );
    }

    /// Hands the wake-ups of runs and upkeep to the scope that watches the object.
    fn forward(
        &mut self,
        plans: UnboundedReceiver<ObjectRef<EtcdBackup>>,
        snapshots: UnboundedReceiver<ObjectRef<EtcdSnapshot>>,
        restores: UnboundedReceiver<ObjectRef<EtcdRestore>>,
    ) {
        let scopes = self.scopes.clone();
        self.spawn(
            "the wake-ups of restores",
            each(restores, move |woken| {
                let namespace = woken.namespace.as_deref().unwrap_or_default();
                if let Some(scope) = scopes.iter().find(|scope| scope.covers(namespace)) {
                    scope
                        .restores
                        .wake(ObjectRef::<RestoreObject>::new(&woken.name).within(namespace));
                }
            }),
        );
        let scopes = self.scopes.clone();
        self.spawn(
            "the wake-ups of plans",
            each(plans, move |woken| {
                let namespace = woken.namespace.as_deref().unwrap_or_default();
                if let Some(scope) = scopes.iter().find(|scope| scope.covers(namespace)) {
                    scope
                        .plans
                        .wake(ObjectRef::<PlanObject>::new(&woken.name).within(namespace));
                }
            }),
        );
        let scopes = self.scopes.clone();
        self.spawn(
            "the wake-ups of snapshots",
            each(snapshots, move |woken| {
                let namespace = woken.namespace.as_deref().unwrap_or_default();
                if let Some(scope) = scopes.iter().find(|scope| scope.covers(namespace)) {
                    scope
                        .snapshots
                        .wake(ObjectRef::<SnapshotObject>::new(&woken.name).within(namespace));
                }
            }),
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

fn limits(settings: &Settings) -> Limits {
    Limits {
        max_concurrent: settings.max_concurrent_runs.into(),
        ..Limits::default()
    }
}

/// Takes part in the election, or leads by decree.
fn elect(
    client: &Client,
    settings: &Settings,
    identity: &str,
    clock: &Clock,
    release: &CancellationToken,
) -> (Leadership, Option<JoinHandle<()>>) {
    let Some(namespace) = settings
        .leader_elect_namespace
        .clone()
        .filter(|_| settings.leader_elect)
    else {
        return (Leadership::always(), None);
    };
    let lease = LeaseSettings {
        namespace,
        name: settings.leader_elect_lease_name.clone(),
        identity: identity.to_owned(),
        duration: settings.lease_duration,
        renew_deadline: settings.lease_renew_deadline,
        retry_period: settings.lease_retry_period,
    };
    let (elector, leadership) = Elector::new(client.clone(), lease, Arc::clone(clock));
    (leadership, Some(tokio::spawn(elector.run(release.clone()))))
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| RunError::Listen { address, source })
}

/// Calls `take` for everything that is received.
async fn each<T>(mut received: UnboundedReceiver<T>, take: impl Fn(T)) {
    while let Some(item) = received.recv().await {
        take(item);
    }
}

/// The name of the first part that ends, by itself or by a panic. None should.
async fn first_to_end(parts: Vec<(&'static str, JoinHandle<()>)>) -> &'static str {
    let (names, tasks): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let (_, index, _) = select_all(tasks).await;
    names.get(index).copied().unwrap_or("a part of the operator")
}
