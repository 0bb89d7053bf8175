//! What every reconcile needs: the client, the pool, upkeep, the caches, who leads. And the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use kube::{Client, ResourceExt};

use crate::cache::{Cache, PlanObject, RestoreObject, SnapshotObject};
use crate::connect::Failure;
use crate::drill::Drills;
use crate::events::Events;
use crate::jobs::{JobPolicy, Listener};
use crate::lease::Tenure;
use crate::listing::{Answer, Ledger};
use crate::metrics::Metrics;
use crate::own_writes::OwnWrites;
use crate::plan::timing::Trouble;
use crate::reconcile::Backoffs;
use crate::restore::errands::Errands;
use crate::restore::in_use::InUse;
use crate::runs::{self, Runs, Waits};
use crate::upkeep::{Job, Upkeep};
use crate::wake::Wake;

/// Tells the time. A value, so that a test can be the one to tell it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The clock of this machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the clock"
)]
pub fn system_clock() -> Clock {
    Arc::new(Utc::now)
}

/// What the whole process shares.
#[derive(Clone)]
pub struct Shared {
    /// Speaks to the API server.
    pub client: Client,
    /// Tells the time.
    pub clock: Clock,
    /// Takes snapshots.
    pub runs: Runs,
    /// What Jobs that take snapshots wait for.
    pub waits: Waits,
    /// Looks after stores.
    pub upkeep: Upkeep,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Tells people.
    pub events: Events,
    /// Who we are: the owner of the runs of this process.
    pub identity: String,
    /// How long a listing of a store is believed.
    pub resync: TimeDelta,
    /// How long a deletion waits for a store.
    pub deletion_timeout: TimeDelta,
    /// How far each store's last answer can be believed.
    pub ledger: Arc<Ledger>,
    /// What of our own the caches do not show yet.
    pub(crate) own_writes: Arc<OwnWrites>,
    /// What restores read, and nobody may remove.
    pub in_use: Arc<InUse>,
    /// Answers what restores ask of stores and etcds.
    pub errands: Errands,
    /// Makes and watches the Jobs of drills.
    pub drills: Drills,
    /// Hears how far the pods of Jobs are.
    pub listener: Listener,
    /// What restores may do.
    pub job_policy: Arc<JobPolicy>,
    /// This process is about to end.
    pub stopping: Arc<AtomicBool>,
}

/// What is watched in one namespace, or in all, and how it is woken.
#[derive(Debug)]
pub struct Scope {
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// The objects as last seen.
    pub cache: Cache,
    /// Wakes plans.
    pub plans: Wake<PlanObject>,
    /// Wakes snapshots.
    pub snapshots: Wake<SnapshotObject>,
    /// Wakes restores.
    pub restores: Wake<RestoreObject>,
}

impl Scope {
    /// Whether objects of `namespace` are watched here.
    pub fn covers(&self, namespace: &str) -> bool {
        self.namespace.as_deref().is_none_or(|only| only == namespace)
    }
}

/// What one reconcile has at hand: the process, its scope, and the term of leadership that it acts in.
#[derive(Clone)]
pub struct Context {
    /// The process.
    pub shared: Shared,
    /// The scope.
    pub scope: Arc<Scope>,
    /// The right to act.
    pub tenure: Tenure,
    /// How often which object failed in a row.
    pub backoffs: Arc<Backoffs>,
}

impl Context {
    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.shared.clock)()
    }

    /// Whether this process is about to end.
    pub fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Why this operator takes no snapshots of a plan: what its administrator has to allow, or the plan's author to put right.
    pub fn refusal(&self, plan: &EtcdBackup) -> Option<Trouble> {
        if plan.spec.runner.is_job() && !self.shared.job_policy.jobs {
            return Some(Trouble {
                reason: "JobsDisabled".to_owned(),
                message: "runner.type is Job, and this operator makes no Jobs: make config/components/jobs part of its installation"
                    .to_owned(),
            });
        }
        let Failure { reason, message, .. } = runs::check(plan).err()?;
        Some(Trouble { reason, message })
    }

    /// What the plan's store said last, in this term. Of a store that the plan named before nothing is told.
    pub fn answer(&self, plan: &EtcdBackup) -> Option<Answer> {
        let uid = plan.uid()?;
        let result = self.shared.upkeep.result(&uid)?;
        let since = self.shared.ledger.since(&uid, result.at)?;
        result.is_of_store(plan).then_some(Answer { result, since })
    }

    /// Asks the plan's store. The answer wakes the plan.
    pub fn ask(&self, plan: Arc<EtcdBackup>, job: Job) {
        let Some(uid) = plan.uid() else { return };
        self.shared.ledger.asked(&uid, self.now());
        self.shared.upkeep.request(plan, job);
    }

    /// Whether an answer of the plan's store is awaited.
    pub fn is_asking(&self, plan_uid: &str) -> bool {
        self.shared.upkeep.is_busy(plan_uid)
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("scope", &self.scope.namespace)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
