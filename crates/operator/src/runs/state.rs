//! What the pool knows: which runs wait, run and are over.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_backup::write::Progress;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
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
    pub(super) running: usize,
    /// How many of those are Jobs.
    pub(super) in_jobs: usize,
    /// Cluster names of what runs.
    pub(super) busy: HashSet<String>,
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
    pub(super) fn may_start(&self, uid: &str, limits: &Limits) -> bool {
        let room = self.room(limits);
        self.entries
            .get(uid)
            .is_some_and(|entry| room.takes(&entry.request) && is_free(&self.busy, &entry.request))
    }

    pub(super) fn next(&mut self, limits: &Limits) -> Option<String> {
        let room = self.room(limits);
        if room.is_full() || self.draining {
            return None;
        }
        let (entries, busy) = (&self.entries, &self.busy);
        self.queue.take(|uid| {
            entries
                .get(uid)
                .is_some_and(|entry| room.takes(&entry.request) && is_free(busy, &entry.request))
        })
    }

    fn room(&self, limits: &Limits) -> Room {
        Room {
            here: self.running - self.in_jobs < limits.max_concurrent,
            in_jobs: self.in_jobs < limits.max_jobs,
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

/// Where there is room for another run.
#[derive(Debug, Clone, Copy)]
struct Room {
    here: bool,
    in_jobs: bool,
}

impl Room {
    const fn is_full(self) -> bool {
        !self.here && !self.in_jobs
    }

    fn takes(self, request: &RunRequest) -> bool {
        if request.is_job() { self.in_jobs } else { self.here }
    }
}

/// Whether nothing else reads the etcd cluster of `request`.
fn is_free(busy: &HashSet<String>, request: &RunRequest) -> bool {
    !request.cluster_keys().iter().any(|key| busy.contains(key))
}
