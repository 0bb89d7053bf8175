//! What the objects in Kubernetes say at this moment.
//!
//! It is asked right before anything is removed. What a reconcile decided may have waited for minutes for a store that failed,
//! and that is when people pin what they need.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, Verification};
use etcd_backup_backup::manifest::Manifest;
use kube::ResourceExt;

use crate::context::Scope;
use crate::snapshot::Identity;

/// What the objects say now. Answers at once.
pub trait Live: Send + Sync + 'static {
    /// The plan as it is now; `None` when it is gone.
    fn plan(&self, plan: &EtcdBackup) -> Option<Arc<EtcdBackup>>;
    /// What people pinned of what the plan stored.
    fn pins(&self, plan: &EtcdBackup) -> Pins;
    /// When the oldest of the plan's runs that are under way began, if there are any.
    fn under_way_since(&self, plan: &EtcdBackup) -> Option<DateTime<Utc>>;
}

/// What is pinned.
#[derive(Debug, Clone, Default)]
pub struct Pins(Vec<Identity>);

impl Pins {
    /// Whether the backup with this manifest is pinned.
    pub fn hold(&self, manifest: &Manifest) -> bool {
        self.0.iter().any(|pinned| pinned.is(manifest))
    }
}

impl FromIterator<Identity> for Pins {
    fn from_iter<T: IntoIterator<Item = Identity>>(pinned: T) -> Self {
        Self(pinned.into_iter().collect())
    }
}

/// The newest run that a drill restored, for as long as the plan drills: newer ones may yet turn out to be worth nothing.
pub(super) fn restorable(plan: &EtcdBackup) -> Option<&str> {
    let status = plan.status.as_ref()?;
    let restorable = status.last_restorable.as_ref();
    let restorable = restorable.filter(|_| plan.spec.verification == Verification::Restore);
    restorable.map(|restorable| restorable.run_id.as_str())
}

/// The objects that the watches of this process show.
#[derive(Debug)]
pub struct Watched(pub Vec<Arc<Scope>>);

impl Watched {
    fn scope(&self, plan: &EtcdBackup) -> Option<&Scope> {
        let namespace = plan.namespace().unwrap_or_default();
        let scope = self.0.iter().find(|scope| scope.covers(&namespace));
        scope.map(|scope| &**scope)
    }
}

impl Live for Watched {
    fn plan(&self, plan: &EtcdBackup) -> Option<Arc<EtcdBackup>> {
        let namespace = plan.namespace().unwrap_or_default();
        let now = self.scope(plan)?.cache.plan(&namespace, &plan.name_any());
        now.filter(|now| now.uid() == plan.uid())
    }

    fn pins(&self, plan: &EtcdBackup) -> Pins {
        let Some(scope) = self.scope(plan) else {
            return Pins::default();
        };
        let namespace = plan.namespace().unwrap_or_default();
        let objects = scope.cache.objects_of(&namespace, &plan.name_any());
        let pinned = objects.iter().filter_map(|object| match &object.0 {
            Ok(snapshot) => snapshot.spec.pin.then(|| Identity::of(snapshot)),
            // What it says of a pin is not known.
            Err(_) => Some(Identity::of_metadata(object)),
        });
        pinned.collect()
    }

    fn under_way_since(&self, plan: &EtcdBackup) -> Option<DateTime<Utc>> {
        let namespace = plan.namespace().unwrap_or_default();
        let cache = &self.scope(plan)?.cache;
        let objects = cache.snapshots_of(&namespace, &plan.name_any());
        let claims = objects
            .iter()
            .filter_map(|object| object.0.as_ref().ok()?.status.as_ref());
        let under_way = claims.filter(|status| !status.phase.is_terminal());
        under_way.filter_map(|status| status.start_time).min()
    }
}
