//! What people say while upkeep is at work.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use serde_json::json;

use crate::fixtures::snapshot;
use crate::snapshot::Identity;
use crate::upkeep::{Live, Pins};

/// What has become of a plan.
#[derive(Clone, Default)]
pub(in crate::upkeep::tests) enum Now {
    #[default]
    Unchanged,
    Changed(Box<EtcdBackup>),
    Gone,
}

/// What people say.
#[derive(Default)]
pub(in crate::upkeep::tests) struct Said {
    /// The runs that they pinned.
    pub(in crate::upkeep::tests) pinned: Mutex<BTreeSet<String>>,
    /// What has become of the plan that was handed to upkeep.
    pub(in crate::upkeep::tests) plan: Mutex<Now>,
}

impl Said {
    pub(in crate::upkeep::tests) fn pin(&self, run_id: &str) {
        self.pinned.lock().unwrap().insert(run_id.to_owned());
    }

    pub(in crate::upkeep::tests) fn change(&self, plan: Now) {
        *self.plan.lock().unwrap() = plan;
    }
}

impl Live for Said {
    fn plan(&self, plan: &EtcdBackup) -> Option<Arc<EtcdBackup>> {
        let now = self.plan.lock().unwrap().clone();
        match now {
            Now::Unchanged => Some(Arc::new(plan.clone())),
            Now::Changed(plan) => Some(Arc::new(*plan)),
            Now::Gone => None,
        }
    }

    fn pins(&self, _: &EtcdBackup) -> Pins {
        let pinned = self.pinned.lock().unwrap();
        let identity = |run_id| {
            Identity::of(&snapshot(
                json!({"status": {"phase": "Succeeded", "runID": run_id}}),
            ))
        };
        pinned.iter().map(identity).collect()
    }

    fn under_way_since(&self, _: &EtcdBackup) -> Option<DateTime<Utc>> {
        None
    }
}
