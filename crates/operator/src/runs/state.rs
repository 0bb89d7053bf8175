//! What the pool knows: which runs wait, run and are over.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_backup::write::Progress;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::places::Places;
use super::queue::Queue;
use super::request::{RunRequest, RunResult};
use super::stop::Order;

/// Results that nobody has fetched yet and that are kept. A reconcile fetches within seconds; beyond this number
/// somebody forgot to, and memory matters more.
const UNFETCHED_KEPT: usize = 4096;

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: HashMap<String, Entry>,
    pub(super) queue: Queue,
    /// Places of this process.
    here: Places,
    /// Places of Jobs.
    in_jobs: Places,
    /// Cluster names of what runs.
    busy: HashSet<String>,
    /// UIDs of what is over, oldest first. May name entries that were forgotten since.
    pub(super) over: VecDeque<String>,
    pub(super) draining: bool,
}

pub(super) struct Entry {
    pub(super) request: Arc<RunRequest>,
    pub(super) phase: Phase,
}

pub(super) enum Phase {
    Queued,
    Running {
        started: DateTime<Utc>,
        progress: Arc<Progress>,
        order: Arc<Order>,
        /// Ends the following of a Job, and not the Job.
        let_go: CancellationToken,
        forget: bool,
    },
    Done(RunResult),
}

impl State {
    /// How many run, in this process and in Jobs.
    pub(super) const fn running(&self) -> usize {
        self.here.taken() + self.in_jobs.taken()
    }

    pub(super) fn may_start(&self, uid: &str, limits: &Limits) -> bool {
        let entry = self.entries.get(uid);
        entry.is_some_and(|entry| self.takes(&entry.request, limits))
    }

    pub(super) fn next(&mut self, limits: &Limits) -> Option<String> {
        let full = self.here.taken() >= limits.max_concurrent && self.in_jobs.taken() >= limits.max_jobs;
        if full || self.draining {
            return None;
        }
        let mut queue = std::mem::take(&mut self.queue);
        let next = queue.take(|uid| {
            let request = &self.entries.get(uid)?.request;
            self.takes(request, limits)
                .then(|| self.places_of(request).held_by(&request.snapshot.namespace))
        });
        self.queue = queue;
        next
    }

    /// Whether there is a place for `request`, and nothing else reads its etcd cluster.
    fn takes(&self, request: &RunRequest, limits: &Limits) -> bool {
        let most = if request.is_job() {
            limits.max_jobs
        } else {
            limits.max_concurrent
        };
        let places = self.places_of(request);
        places.has_one_for(&request.snapshot.namespace, most)
            && !request.cluster_keys().iter().any(|key| self.busy.contains(key))
    }

    /// `request` runs from now on.
    pub(super) fn begin(&mut self, request: &RunRequest) {
        self.busy.extend(request.cluster_keys().iter().map(str::to_owned));
        self.places_of_mut(request).take(&request.snapshot.namespace);
    }

    /// `request` runs no more.
    pub(super) fn end(&mut self, request: &RunRequest) {
        for key in request.cluster_keys().iter() {
            self.busy.remove(key);
        }
        self.places_of_mut(request).give_back(&request.snapshot.namespace);
    }

    fn places_of(&self, request: &RunRequest) -> &Places {
        if request.is_job() {
            &self.in_jobs
        } else {
            &self.here
        }
    }

    fn places_of_mut(&mut self, request: &RunRequest) -> &mut Places {
        if request.is_job() {
            &mut self.in_jobs
        } else {
            &mut self.here
        }
    }

    /// Follows Jobs no longer. What they do is asked for again by whoever leads.
    pub(super) fn let_jobs_go(&mut self) {
        for entry in self.entries.values_mut().filter(|entry| entry.request.is_job()) {
            if let Phase::Running { let_go, forget, .. } = &mut entry.phase {
                *forget = true;
                let_go.cancel();
            }
        }
    }

    /// Forgets what waits: it is asked for again by whoever leads.
    pub(super) fn drop_queue(&mut self) {
        for uid in self.queue.clear() {
            self.entries.remove(&uid);
        }
    }

    pub(super) fn remember(&mut self, uid: &str) {
        self.over.push_back(uid.to_owned());
        while self.over.len() > UNFETCHED_KEPT {
            let Some(oldest) = self.over.pop_front() else {
                return;
            };
            if matches!(
                self.entries.get(&oldest),
                Some(Entry {
                    phase: Phase::Done(_),
                    ..
                })
            ) {
                self.entries.remove(&oldest);
            }
        }
    }
}
