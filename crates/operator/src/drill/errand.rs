//! The API server, asked about the Jobs of drills beside the reconciles: the answer wakes the plan.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::work;
use crate::jobs::seen::{JobState, Problem};
use crate::jobs::{JobPolicy, Listener};
use crate::lease::Tenure;

/// How long the API server may take for one look.
const PATIENCE: Duration = Duration::from_secs(45);

/// What the API server said last of the Job of a drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// When.
    pub at: DateTime<Utc>,
    /// How far it is, or why that is not known.
    pub state: Result<JobState, Problem>,
}

/// The questions about one plan's drill.
struct Slot {
    /// The Job that they are about.
    job: String,
    seen: Option<Seen>,
    /// Held, so that forgetting the question ends it.
    asking: Option<AbortOnDropHandle<()>>,
}

/// Makes the Jobs of drills, looks at them, and keeps the last answer for each plan. Cheap to clone.
#[derive(Clone)]
pub struct Drills {
    client: Client,
    listener: Listener,
    job_policy: Arc<JobPolicy>,
    wakes: UnboundedSender<ObjectRef<EtcdBackup>>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// By the UID of the plan.
    slots: Arc<Mutex<HashMap<String, Slot>>>,
}

impl fmt::Debug for Drills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drills").finish_non_exhaustive()
    }
}

impl Drills {
    /// Asks through `client`, listens to pods through `listener`, and tells `wakes` of every answer.
    pub fn new(
        client: Client,
        listener: Listener,
        job_policy: Arc<JobPolicy>,
        wakes: UnboundedSender<ObjectRef<EtcdBackup>>,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self {
            client,
            listener,
            job_policy,
            wakes,
            clock,
            slots: Arc::default(),
        }
    }

    /// What is known of this Job of this plan.
    pub fn seen(&self, uid: &str, job: &str) -> Option<Seen> {
        let slots = self.lock();
        slots.get(uid).filter(|slot| slot.job == job)?.seen.clone()
    }

    /// Whether an answer is awaited.
    pub fn is_asking(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|slot| slot.asking.is_some())
    }

    /// Sees to it that the Job of the drill that `plan` says to run is there, and how far it is.
    pub fn pursue(&self, plan: EtcdBackup, tenure: Tenure) {
        let running = plan
            .status
            .as_ref()
            .and_then(|status| status.drill.as_ref()?.running.as_ref());
        let Some(job) = running.map(|running| running.job.clone()) else {
            return;
        };
        let uid = plan.uid().unwrap_or_default();
        let mut slots = self.lock();
        let slot = slots.entry(uid.clone()).or_insert_with(|| Slot {
            job: job.clone(),
            seen: None,
            asking: None,
        });
        if slot.job != job {
            *slot = Slot {
                job: job.clone(),
                seen: None,
                asking: None,
            };
        }
        if slot.asking.is_some() {
            return;
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            let of = ObjectRef::from_obj(&plan);
            let look = work::pursue(&this.client, &this.listener, &this.job_policy, &plan, &tenure);
            let late = || Problem {
                reason: "ApiServerUnavailable".to_owned(),
                message: "the API server does not answer about Jobs".to_owned(),
            };
            let state = timeout(PATIENCE, look).await.unwrap_or_else(|_| Err(late()));
            let at = (this.clock)();
            // Forgotten meanwhile, or about another Job: nobody wants to know.
            if let Some(slot) = this.lock().get_mut(&uid).filter(|slot| slot.job == job) {
                slot.seen = Some(Seen { at, state });
                slot.asking = None;
            }
            let _ = this.wakes.send(of);
        });
        slot.asking = Some(AbortOnDropHandle::new(task));
    }

    /// Ends the Jobs of the plan's drills. What cannot be ended now ends by its own deadline.
    pub fn abandon(&self, plan: EtcdBackup, tenure: Tenure) {
        self.forget(&plan.uid().unwrap_or_default());
        let client = self.client.clone();
        tokio::spawn(async move {
            let ended = timeout(PATIENCE, work::abandon(&client, &plan, &tenure)).await;
            if let Ok(Err(problem)) = ended {
                warn!(plan = plan.name_any(), "Cannot end a drill: {}", problem.message);
            }
        });
    }

    /// The plan is gone, or does not drill any more.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// This process does not lead any more: another one asks now.
    pub fn stand_down(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
