//! The pool: what is waiting, running and over. One lock, never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdSnapshot;
use etcd_backup_backup::write::Progress;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::request::{Execute, RunRequest, RunResult, RunState};
use super::state::{Entry, Phase, State};
use super::stop::{Order, Stop};
use super::supervise::{Supervisor, Ways};
use crate::metrics::Metrics;

/// The runs of this process. Cheap to clone; every call returns at once.
#[derive(Clone)]
pub struct Runs(pub(super) Arc<Pool>);

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Runs")
            .field("running", &state.running())
            .field("queued", &state.queue.len())
            .finish()
    }
}

pub(super) struct Pool {
    supervisor: Arc<Supervisor>,
    state: Mutex<State>,
    /// How many run: for [`Runs::drain`].
    running: watch::Sender<usize>,
}

impl Runs {
    /// An empty pool. Every start, end and (at most every `limits.progress_every`) progress of a run sends its
    /// EtcdSnapshot into `wake`.
    pub fn new(
        execute: Arc<dyn Execute>,
        limits: Limits,
        wake: UnboundedSender<ObjectRef<EtcdSnapshot>>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        let (running, _) = watch::channel(0);
        Self(Arc::new(Pool {
            supervisor: Arc::new(Supervisor {
                execute,
                limits,
                metrics,
                clock,
                wake,
            }),
            state: Mutex::default(),
            running,
        }))
    }

    /// Asks for a run. Asking again for the same snapshot changes nothing while it waits or runs, nor when it is
    /// over, unless `attempt` is higher than that of the run that is over. Ignored while draining.
    pub fn submit(&self, request: RunRequest) {
        let uid = request.snapshot.uid.clone();
        let mut state = self.0.lock();
        let known = state.entries.get(&uid).is_some_and(|entry| {
            !(matches!(entry.phase, Phase::Done(_)) && request.attempt > entry.request.attempt)
        });
        if known || state.draining {
            return;
        }
        let request = Arc::new(request);
        state.entries.insert(
            uid.clone(),
            Entry {
                request: Arc::clone(&request),
                phase: Phase::Queued,
            },
        );
        // Whatever waits already cannot start (else it would run), so a run that can start overtakes nobody,
        // and ten thousand submits never search the queue.
        if state.may_start(&uid, self.0.limits()) {
            self.0.start(&mut state, &uid);
        } else {
            state.queue.push(&request.snapshot.namespace, uid);
        }
        self.0.count(&state);
    }

    /// Where the run of this EtcdSnapshot stands; `None` if there is none.
    pub fn state(&self, uid: &str) -> Option<RunState> {
        let state = self.0.lock();
        let entry = state.entries.get(uid)?;
        Some(match &entry.phase {
            Phase::Queued => RunState::Queued {
                plan: Arc::clone(&entry.request.plan),
            },
            Phase::Running {
                started, progress, ..
            } => RunState::Running {
                started: *started,
                progress: Arc::clone(progress),
            },
            Phase::Done(result) => RunState::Done(result.clone()),
        })
    }

    /// Asks the run to stop and to leave nothing behind. It ends as `Cancelled`; what was waiting does so at once.
    pub fn cancel(&self, uid: &str) {
        let mut state = self.0.lock();
        self.0.stop(&mut state, uid, Stop::Cancelled);
    }

    /// Drops what is known of the run. One that is waiting or running is stopped.
    pub fn forget(&self, uid: &str) {
        let mut state = self.0.lock();
        self.0.stop(&mut state, uid, Stop::Cancelled);
        match state.entries.get_mut(uid).map(|entry| &mut entry.phase) {
            Some(Phase::Running { forget, .. }) => *forget = true,
            Some(_) => drop(state.entries.remove(uid)),
            None => {}
        }
    }

    /// Stops everything because another process leads now. The pool can be used again in a later term. Jobs go on: whoever
    /// leads finds them again.
    pub fn stand_down(&self) {
        let mut state = self.0.lock();
        self.0.stop_all(&mut state, Stop::LeadershipLost);
    }

    /// How many run and how many wait.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.running(), state.queue.len())
    }

    /// For the end of the process: starts nothing more, lets runs finish for as long as `grace` allows, then asks
    /// them to stop and waits until they have cleaned up. Returns within `grace` and a second.
    pub async fn drain(&self, grace: Duration) {
        let cleanup = self.0.limits().cancel_grace.min(grace / 2);
        self.0.lock().draining = true;
        // What waits stays Pending in Kubernetes, for the next leader.
        self.0.lock().drop_queue();
        // Jobs go on without us.
        self.0.lock().let_jobs_go();
        let mut running = self.0.running.subscribe();
        if timeout(
            grace.saturating_sub(cleanup),
            running.wait_for(|running| *running == 0),
        )
        .await
        .is_ok()
        {
            return;
        }
        self.0.stop_all(&mut self.0.lock(), Stop::ShuttingDown);
        let _ = timeout(
            cleanup + Duration::from_secs(1),
            running.wait_for(|running| *running == 0),
        )
        .await;
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn limits(&self) -> &Limits {
        &self.supervisor.limits
    }

    /// Moves a waiting run into the pool.
    fn start(self: &Arc<Self>, state: &mut State, uid: &str) {
        let Some(entry) = state.entries.get_mut(uid) else {
            return;
        };
        let (progress, order) = (Arc::new(Progress::default()), Arc::new(Order::default()));
        let let_go = CancellationToken::new();
        entry.phase = Phase::Running {
            started: (self.supervisor.clock)(),
            progress: Arc::clone(&progress),
            order: Arc::clone(&order),
            let_go: let_go.clone(),
            forget: false,
        };
        let request = Arc::clone(&entry.request);
        state.begin(&request);
        self.running.send_replace(state.running());
        self.supervisor.wake(&request);
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let ways = Ways { order, let_go };
            let result = pool.supervisor.supervise(&request, &progress, ways).await;
            pool.finish(&request, result);
        });
    }

    /// Takes note of the end of a run and starts what may run now. Without a result it goes on elsewhere.
    fn finish(self: &Arc<Self>, request: &RunRequest, result: Option<RunResult>) {
        let uid = request.snapshot.uid.as_str();
        let mut state = self.lock();
        state.end(request);
        if let Some(entry) = state.entries.get_mut(uid) {
            match result {
                Some(result) if !matches!(entry.phase, Phase::Running { forget: true, .. }) => {
                    entry.phase = Phase::Done(result);
                    state.remember(uid);
                }
                _ => drop(state.entries.remove(uid)),
            }
        }
        while let Some(next) = state.next(self.limits()) {
            self.start(&mut state, &next);
        }
        self.running.send_replace(state.running());
        self.count(&state);
        drop(state);
        self.supervisor.wake(request);
    }

    fn count(&self, state: &State) {
        self.supervisor
            .metrics
            .set_runs(state.running(), state.queue.len());
    }

    fn stop(&self, state: &mut State, uid: &str, why: Stop) {
        let Some(entry) = state.entries.get_mut(uid) else {
            return;
        };
        match &mut entry.phase {
            Phase::Queued => {
                let request = Arc::clone(&entry.request);
                entry.phase = Phase::Done(Err(why.failure(&request)));
                state.queue.remove(&request.snapshot.namespace, uid);
                state.remember(uid);
                self.count(state);
                self.supervisor.wake(&request);
            }
            Phase::Running { order, .. } => order.give(why),
            Phase::Done(_) => {}
        }
    }

    fn stop_all(&self, state: &mut State, why: Stop) {
        state.drop_queue();
        state.let_jobs_go();
        self.count(state);
        let running = state
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry.phase, Phase::Running { .. }) && !entry.request.is_job());
        for uid in running.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            self.stop(state, &uid, why);
        }
    }
}
