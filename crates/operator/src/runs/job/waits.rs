//! What the Jobs under way wait for, for the status of their snapshots.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::jobs::wait::Wait;

/// What the Job of each EtcdSnapshot waits for, by UID. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<HashMap<String, Wait>>>);

impl Waits {
    /// What the Job of this EtcdSnapshot waits for.
    pub fn of(&self, uid: &str) -> Option<Wait> {
        self.lock().get(uid).cloned()
    }

    /// Notes it. Answers whether that is news.
    pub(super) fn set(&self, uid: &str, wait: Option<&Wait>) -> bool {
        let mut waits = self.lock();
        if waits.get(uid) == wait {
            return false;
        }
        match wait {
            Some(wait) => drop(waits.insert(uid.to_owned(), wait.clone())),
            None => drop(waits.remove(uid)),
        }
        true
    }

    pub(super) fn clear(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
