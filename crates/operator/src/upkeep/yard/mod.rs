//! Who is worked for: what is asked of upkeep, and what is known of each plan.

mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::known::UpkeepResult;
use super::result::Job;
use super::work::{Tend, Work};

/// The bounds of upkeep.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Plans that are worked on at the same time; of one namespace, one less. A store that does not answer holds a place until its
    /// requests time out, so that a few of those must not keep all others waiting.
    pub max_concurrent: usize,
    /// How long one piece of work may take.
    pub deadline: Duration,
    /// The pause after a first failure. It doubles with every further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_concurrent: 16,
            deadline: Duration::from_mins(30),
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(5),
        }
    }
}

/// The upkeep of this process. Cheap to clone; every call returns at once.
#[derive(Clone)]
pub struct Upkeep(Arc<Yard>);

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep")
            .field("plans", &self.0.lock().len())
            .finish_non_exhaustive()
    }
}

struct Yard {
    tend: Arc<dyn Tend>,
    bounds: Bounds,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    wake: UnboundedSender<ObjectRef<EtcdBackup>>,
    places: Semaphore,
    /// How many of the places each namespace may hold: all but one, so that however slow its stores are, they hold up nobody
    /// else's.
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
    plots: Mutex<HashMap<String, Plot>>,
}

/// One plan.
struct Plot {
    plan: Arc<EtcdBackup>,
    pending: Work,
    /// The task that works on it, if any.
    worker: Option<AbortHandle>,
    result: Option<Arc<UpkeepResult>>,
    failures: u32,
    not_before: Instant,
    /// Told when `not_before` was brought forward.
    sooner: Arc<Notify>,
}

impl Upkeep {
    /// Nothing to do yet. Every finished piece of work sends its plan into `wake`.
    pub fn new(
        tend: Arc<dyn Tend>,
        bounds: Bounds,
        wake: UnboundedSender<ObjectRef<EtcdBackup>>,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        let places = Semaphore::new(bounds.max_concurrent);
        Self(Arc::new(Yard {
            tend,
            bounds,
            clock,
            wake,
            places,
            shares: Mutex::default(),
            plots: Mutex::default(),
        }))
    }

    /// Asks for a job. `plan` as it is now: the newest version counts for everything that has not begun. A plan
    /// without a UID (never stored) is ignored.
    pub fn request(&self, plan: Arc<EtcdBackup>, job: Job) {
        let Some(uid) = plan.uid() else { return };
        let mut plots = self.0.lock();
        let plot = plots
            .entry(uid.clone())
            .or_insert_with(|| Plot::new(Arc::clone(&plan)));
        if plot.plan.metadata.generation != plan.metadata.generation {
            // Somebody changed something: what failed before may work now.
            (plot.failures, plot.not_before) = (0, Instant::now());
            plot.sooner.notify_one();
        }
        plot.plan = plan;
        plot.pending.add(job);
        if plot.worker.is_none() {
            plot.worker = Some(tokio::spawn(Arc::clone(&self.0).work(uid)).abort_handle());
        }
    }

    /// What was last found out about the plan with this UID.
    pub fn result(&self, plan_uid: &str) -> Option<Arc<UpkeepResult>> {
        self.0.lock().get(plan_uid)?.result.clone()
    }

    /// Whether anything is under way or waiting for this plan.
    pub fn is_busy(&self, plan_uid: &str) -> bool {
        self.0
            .lock()
            .get(plan_uid)
            .is_some_and(|plot| plot.worker.is_some())
    }

    /// Drops all that is known of a plan and stops the work on it.
    pub fn forget(&self, plan_uid: &str) {
        if let Some(worker) = self.0.lock().remove(plan_uid).and_then(|plot| plot.worker) {
            worker.abort();
        }
    }

    /// Stops everything, because another process leads now or this one ends. Results are dropped too: by the next
    /// term they are out of date.
    pub fn stand_down(&self) {
        for worker in self.0.lock().drain().filter_map(|(_, plot)| plot.worker) {
            worker.abort();
        }
    }
}

impl Plot {
    fn new(plan: Arc<EtcdBackup>) -> Self {
        let (not_before, sooner) = (Instant::now(), Arc::new(Notify::new()));
        Self {
            plan,
            pending: Work::default(),
            worker: None,
            result: None,
            failures: 0,
            not_before,
            sooner,
        }
    }
}

impl Yard {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Plot>> {
        self.plots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
