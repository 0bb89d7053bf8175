//! What the whole process shares, put together.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use chrono::TimeDelta;
use kube::Client;

use super::wakes::Wakes;
use crate::connect::Connector;
use crate::context::{Clock, Scope, Shared};
use crate::drill::Drills;
use crate::events::Events;
use crate::jobs::{JobPolicy, Listener};
use crate::lease::Leadership;
use crate::listing::Ledger;
use crate::metrics::Metrics;
use crate::restore::{Errands, InUse};
use crate::runs::{Dispatch, Executor, JobExecutor, Limits, Runs, SpoolOfPods, Waits};
use crate::settings::Settings;
use crate::upkeep::{Bounds, Caretaker, Upkeep, Watched};

/// Makes all that reconciles share. Nothing of it runs by itself. `scopes` is what will be watched.
pub(super) fn shared(
    client: Client,
    settings: &Settings,
    leadership: &Leadership,
    identity: String,
    clock: Clock,
    wakes: Wakes,
    scopes: &[Arc<Scope>],
) -> Shared {
    let metrics = Arc::new(Metrics::new(leadership.clone()));
    let in_use = Arc::new(InUse::default());
    let connector = Connector::new(client.clone(), settings, Arc::clone(&metrics));
    let events = Events::new(client.clone(), &identity);
    let job_policy = Arc::new(JobPolicy::of(settings));
    let waits = Waits::default();
    let listener = Listener::new(client.clone());
    let executor = Executor::new(
        connector.clone(),
        settings,
        leadership.clone(),
        Arc::clone(&metrics),
        events.clone(),
        Arc::clone(&clock),
    );
    let jobs = JobExecutor {
        client: client.clone(),
        listener: listener.clone(),
        connector: connector.clone(),
        job_policy: Arc::clone(&job_policy),
        spool: SpoolOfPods::of(settings),
        metrics: Arc::clone(&metrics),
        events: events.clone(),
        waits: waits.clone(),
        wake: wakes.snapshots.clone(),
        clock: Arc::clone(&clock),
    };
    let runs = Runs::new(
        Arc::new(Dispatch {
            operator: executor,
            jobs,
        }),
        limits(settings),
        wakes.snapshots,
        Arc::clone(&metrics),
        Arc::clone(&clock),
    );
    let errands = Errands::new(
        connector.clone(),
        Arc::clone(&in_use),
        wakes.restores,
        Arc::clone(&clock),
    );
    let drills = Drills::new(
        client.clone(),
        listener.clone(),
        Arc::clone(&job_policy),
        wakes.plans.clone(),
        Arc::clone(&clock),
    );
    let caretaker = Caretaker::new(
        connector,
        Arc::clone(&in_use),
        Arc::new(Watched {
            scopes: scopes.to_vec(),
            client: client.clone(),
        }),
        leadership.clone(),
        Arc::clone(&metrics),
        Arc::clone(&clock),
    );
    let upkeep = Upkeep::new(
        Arc::new(caretaker),
        Bounds::default(),
        wakes.plans,
        Arc::clone(&clock),
    );
    Shared {
        runs,
        waits,
        upkeep,
        events,
        resync: TimeDelta::from_std(settings.catalogue_resync).unwrap_or(TimeDelta::hours(1)),
        deletion_timeout: TimeDelta::from_std(settings.deletion_timeout).unwrap_or(TimeDelta::hours(1)),
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
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        max_concurrent: settings.max_concurrent_runs.into(),
        ..Limits::default()
    }
}
