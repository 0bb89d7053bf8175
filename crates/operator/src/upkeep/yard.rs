//! Who works on which plan, and when again.

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
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, error, info_span, warn};

use super::known::UpkeepResult;
use super::result::Job;
use super::work::{Tend, Tended, Work};
use crate::connect::Failure;

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

    /// Works on one plan until nothing is left to do.
    async fn work(self: Arc<Self>, uid: String) {
        loop {
            while let Some((until, sooner)) = self.pause_left(&uid) {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = sooner.notified() => {}
                }
            }
            let Some(share) = self.share(&uid) else { return };
            let Ok(_share) = share.acquire().await else { return };
            let Ok(_place) = self.places.acquire().await else {
                return;
            };
            let Some((plan, work)) = self.next(&uid) else {
                return;
            };
            let tended = self.tend_within_deadline(&plan, &work).await;
            if !self.note(&uid, &plan, &work, tended) {
                return;
            }
            let _ = self.wake.send(ObjectRef::from_obj(&*plan));
        }
    }

    /// Until when to wait because of an earlier failure, and what may end the wait sooner.
    fn pause_left(&self, uid: &str) -> Option<(Instant, Arc<Notify>)> {
        let plots = self.lock();
        let plot = plots.get(uid).filter(|plot| plot.not_before > Instant::now())?;
        Some((plot.not_before, Arc::clone(&plot.sooner)))
    }

    /// What the plan's namespace may hold of the places. Where there is only one place, it is for whoever comes.
    fn share(&self, uid: &str) -> Option<Arc<Semaphore>> {
        let namespace = self.lock().get(uid)?.plan.namespace().unwrap_or_default();
        let most = self.bounds.max_concurrent.saturating_sub(1).max(1);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares
            .entry(namespace)
            .or_insert_with(|| Arc::new(Semaphore::new(most)));
        Some(Arc::clone(share))
    }

    /// Takes what waits; `None` ends the worker.
    fn next(&self, uid: &str) -> Option<(Arc<EtcdBackup>, Work)> {
        let mut plots = self.lock();
        let plot = plots.get_mut(uid)?;
        if plot.pending.is_empty() {
            plot.worker = None;
            return None;
        }
        Some((Arc::clone(&plot.plan), std::mem::take(&mut plot.pending)))
    }

    /// In a task of its own, so that a panic ends only this piece of work; aborted together with the worker.
    async fn tend_within_deadline(&self, plan: &Arc<EtcdBackup>, work: &Work) -> Tended {
        let span = info_span!("upkeep", namespace = plan.namespace(), plan = plan.name_any());
        let mut tasks = tokio::task::JoinSet::new();
        let (tend, owned_plan, owned_work) = (Arc::clone(&self.tend), Arc::clone(plan), work.clone());
        tasks.spawn(async move { tend.tend(&owned_plan, &owned_work).await }.instrument(span.clone()));
        let failure = match timeout(self.bounds.deadline, tasks.join_next()).await {
            Ok(Some(Ok(tended))) => return tended,
            Ok(_) => {
                span.in_scope(|| error!("upkeep ended in a bug of the operator"));
                Failure::transient(
                    "Internal",
                    "looking after the store ended in a bug of the operator",
                )
            }
            Err(_) => Failure::transient(
                "DeadlineExceeded",
                format!(
                    "looking after the store took longer than {}s",
                    self.bounds.deadline.as_secs()
                ),
            ),
        };
        Tended::failed(work, &failure)
    }

    /// Keeps the result and decides when to work again. `false`: the plan was forgotten meanwhile.
    fn note(&self, uid: &str, plan: &EtcdBackup, work: &Work, tended: Tended) -> bool {
        let mut plots = self.lock();
        let Some(plot) = plots.get_mut(uid) else {
            return false;
        };
        let unfinished = tended.unfinished(work);
        if unfinished.is_empty() {
            plot.failures = 0;
        } else {
            plot.failures = plot.failures.saturating_add(1);
            let pause = self.pause(plot.failures);
            plot.not_before = Instant::now() + pause;
            plot.pending.put_back(unfinished);
            let etcd = tended.etcd.as_ref().and_then(|etcd| etcd.as_ref().err());
            if let Some(failure) = tended.catalogue.as_ref().err().or(etcd) {
                warn!(
                    plan = plot.plan.name_any(),
                    namespace = plot.plan.namespace(),
                    reason = failure.reason,
                    retry_seconds = pause.as_secs(),
                    "{}",
                    failure.message
                );
            }
        }
        let earlier = plot.result.take();
        plot.result = Some(Arc::new(UpkeepResult::after(
            earlier.as_deref(),
            plan,
            tended,
            (self.clock)(),
        )));
        true
    }

    /// Doubles with each failure.
    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.bounds
            .first_pause
            .saturating_mul(1 << doublings)
            .min(self.bounds.longest_pause)
    }
}
