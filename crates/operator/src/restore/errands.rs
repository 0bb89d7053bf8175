//! What restores ask of stores and of the clusters that they made: the answers take their time, and wake the restore.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdRestore;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::InUse;
use super::resolve::{self, Resolved, Wanted};
use super::verify::{self, Agreement, Question};
use crate::connect::{Connector, Failure};
use crate::jobs::seen::Problem;

/// How long one question may take. A listing of ten thousand backups takes a minute from a slow store.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where a question stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand<T> {
    /// Not asked, or asked in another process.
    Idle,
    /// The answer is awaited; it wakes the restore.
    Busy,
    /// Answered.
    Done {
        /// When.
        at: DateTime<Utc>,
        /// With what.
        answer: Result<T, Failure>,
    },
}

enum Slot<T> {
    Busy(
        #[expect(dead_code, reason = "held, so that forgetting the question ends it")] AbortOnDropHandle<()>,
    ),
    Done(DateTime<Utc>, Result<T, Failure>),
}

impl<T: Clone> Slot<T> {
    fn errand(&self) -> Errand<T> {
        match self {
            Self::Busy(_) => Errand::Busy,
            Self::Done(at, answer) => Errand::Done {
                at: *at,
                answer: answer.clone(),
            },
        }
    }
}

#[derive(Default)]
struct Slots {
    sources: HashMap<String, Slot<Resolved>>,
    checks: HashMap<String, Slot<Agreement>>,
    /// What the API server did not let us do for a restore when it was tried last.
    refused: HashMap<String, Problem>,
}

/// Asks, and keeps the last answer of each restore. Cheap to clone.
#[derive(Clone)]
pub struct Errands {
    connector: Connector,
    in_use: Arc<InUse>,
    wakes: UnboundedSender<ObjectRef<EtcdRestore>>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    slots: Arc<Mutex<Slots>>,
}

impl fmt::Debug for Errands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errands").finish_non_exhaustive()
    }
}

impl Errands {
    /// Asks through `connector`, marks what it finds as `in_use`, and tells `wakes` of every answer.
    pub fn new(
        connector: Connector,
        in_use: Arc<InUse>,
        wakes: UnboundedSender<ObjectRef<EtcdRestore>>,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self {
            connector,
            in_use,
            wakes,
            clock,
            slots: Arc::default(),
        }
    }

    /// What is known of the restore's source.
    pub fn source(&self, uid: &str) -> Errand<Resolved> {
        self.lock().sources.get(uid).map_or(Errand::Idle, Slot::errand)
    }

    /// Looks the source up, unless that is under way.
    pub(super) fn resolve(&self, restore: &EtcdRestore, wanted: Wanted) {
        let uid = restore.uid().unwrap_or_default();
        let (connector, in_use) = (self.connector.clone(), Arc::clone(&self.in_use));
        let (clock, own) = (Arc::clone(&self.clock), uid.clone());
        let question = async move { resolve::resolve(&connector, wanted, &in_use, &own, clock()).await };
        self.ask(restore, question, |slots| &mut slots.sources);
    }

    /// What is known of the restored cluster.
    pub fn verification(&self, uid: &str) -> Errand<Agreement> {
        self.lock().checks.get(uid).map_or(Errand::Idle, Slot::errand)
    }

    /// Asks the restored cluster, unless that is under way.
    pub(super) fn verify(&self, restore: &EtcdRestore, question: Question) {
        let connector = self.connector.clone();
        let question = async move { verify::verify(&connector, &question).await };
        self.ask(restore, question, |slots| &mut slots.checks);
    }

    /// What the API server did not let us do for the restore.
    pub fn refused(&self, uid: &str) -> Option<Problem> {
        self.lock().refused.get(uid).cloned()
    }

    /// What was decided was tried: all of it was done, or this was refused.
    pub(super) fn tried(&self, uid: &str, refused: Option<Problem>) {
        let mut slots = self.lock();
        match refused {
            Some(problem) => slots.refused.insert(uid.to_owned(), problem),
            None => slots.refused.remove(uid),
        };
    }

    fn ask<T: Send + 'static>(
        &self,
        restore: &EtcdRestore,
        question: impl Future<Output = Result<T, Failure>> + Send + 'static,
        slots: fn(&mut Slots) -> &mut HashMap<String, Slot<T>>,
    ) {
        let uid = restore.uid().unwrap_or_default();
        let mut locked = self.lock();
        if matches!(slots(&mut locked).get(&uid), Some(Slot::Busy(_))) {
            return;
        }
        let (this, of, own) = (self.clone(), ObjectRef::from_obj(restore), uid.clone());
        let task = tokio::spawn(async move {
            let late = || Failure::transient("Timeout", "there was no answer within five minutes");
            let answer = timeout(PATIENCE, question).await.unwrap_or_else(|_| Err(late()));
            let at = (this.clock)();
            // Forgotten meanwhile: nobody wants to know.
            if let Some(slot) = slots(&mut this.lock()).get_mut(&own) {
                *slot = Slot::Done(at, answer);
            }
            let _ = this.wakes.send(of);
        });
        slots(&mut locked).insert(uid, Slot::Busy(AbortOnDropHandle::new(task)));
    }

    /// The restore is over or gone.
    pub fn forget(&self, uid: &str) {
        let mut slots = self.lock();
        slots.sources.remove(uid);
        slots.checks.remove(uid);
        slots.refused.remove(uid);
    }

    /// This process does not lead any more: another one asks now.
    pub fn stand_down(&self) {
        *self.lock() = Slots::default();
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
