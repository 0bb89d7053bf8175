//! What people say while upkeep is at work.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::manifest::Manifest;
use serde_json::json;

use crate::connect::Failure;
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
    /// What of this the watches have not shown yet: the pins.
    pub(in crate::upkeep::tests) unseen: AtomicBool,
    /// The API server does not answer.
    pub(in crate::upkeep::tests) silent: AtomicBool,
}

impl Said {
    pub(in crate::upkeep::tests) fn pin(&self, run_id: &str) {
        self.pinned.lock().unwrap().insert(run_id.to_owned());
    }

    pub(in crate::upkeep::tests) fn change(&self, plan: Now) {
        *self.plan.lock().unwrap() = plan;
    }
}

impl Said {
    fn all_pins(&self) -> Pins {
        let pinned = self.pinned.lock().unwrap();
        let identity = |run_id| {
            Identity::of(&snapshot(
                json!({"status": {"phase": "Succeeded", "runID": run_id}}),
            ))
        };
        pinned.iter().map(identity).collect()
    }

    fn answers(&self) -> Result<(), Failure> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(Failure::transient("Silent", "the API server does not answer"));
        }
        Ok(())
    }
}

#[async_trait]
impl Live for Said {
    async fn plan(&self, plan: &EtcdBackup) -> Result<Option<Arc<EtcdBackup>>, Failure> {
        self.answers()?;
        let now = self.plan.lock().unwrap().clone();
        Ok(match now {
            Now::Unchanged => Some(Arc::new(plan.clone())),
            Now::Changed(plan) => Some(Arc::new(*plan)),
            Now::Gone => None,
        })
    }

    async fn is_pinned(&self, _: &EtcdBackup, manifest: &Manifest) -> Result<bool, Failure> {
        self.answers()?;
        Ok(self.all_pins().hold(manifest))
    }

    fn pins(&self, _: &EtcdBackup) -> Pins {
        if self.unseen.load(Ordering::SeqCst) {
            return Pins::default();
        }
        self.all_pins()
    }

    fn under_way_since(&self, _: &EtcdBackup) -> Option<DateTime<Utc>> {
        None
    }
}
