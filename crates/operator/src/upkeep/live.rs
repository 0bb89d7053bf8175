//! What the objects in Kubernetes say at this moment.
//!
//! It is asked right before anything is removed. What a reconcile decided may have waited for minutes for a store that failed,
//! and that is when people pin what they need.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, Verification};
use etcd_backup_backup::manifest::Manifest;
use kube::{Client, ResourceExt};

use crate::cache::SnapshotObject;
use crate::connect::{Failure, read_plan};
use crate::context::Scope;
use crate::read::read;
use crate::snapshot::Identity;

/// What the objects say.
#[async_trait]
pub trait Live: Send + Sync + 'static {
    /// The plan as it is now; `None` when it is gone.
    ///
    /// # Errors
    /// Nobody could say.
    async fn plan(&self, plan: &EtcdBackup) -> Result<Option<Arc<EtcdBackup>>, Failure>;
    /// Whether somebody pinned the plan's backup with this manifest, as of now. For right before it is removed: what was said a
    /// second ago counts.
    ///
    /// # Errors
    /// Nobody could say.
    async fn is_pinned(&self, plan: &EtcdBackup, manifest: &Manifest) -> Result<bool, Failure>;
    /// What people pinned of what the plan stored, as far as it was seen. Answers at once.
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

/// The word for an EtcdSnapshot of which nobody can say how it is now.
const UNREAD: &str = "SnapshotUnreadable";

/// The objects that the watches of this process show, and, where the moment counts, the API server.
pub struct Watched {
    /// What is watched.
    pub scopes: Vec<Arc<Scope>>,
    /// Speaks to the API server.
    pub client: Client,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Watched {
    fn scope(&self, plan: &EtcdBackup) -> Option<&Scope> {
        let namespace = plan.namespace().unwrap_or_default();
        let scope = self.scopes.iter().find(|scope| scope.covers(&namespace));
        scope.map(|scope| &**scope)
    }
}

/// What identifies the manifest of what an object stands for, if that is pinned. What one that cannot be understood says of a pin
/// is not known.
fn pinned(object: &SnapshotObject) -> Option<Identity> {
    match &object.0 {
        Ok(snapshot) => snapshot.spec.pin.then(|| Identity::of(snapshot)),
        Err(_) => Some(Identity::of_metadata(object)),
    }
}

fn identity(object: &SnapshotObject) -> Identity {
    let snapshot = object.0.as_ref().map(Identity::of);
    snapshot.unwrap_or_else(|_| Identity::of_metadata(object))
}

#[async_trait]
impl Live for Watched {
    async fn plan(&self, plan: &EtcdBackup) -> Result<Option<Arc<EtcdBackup>>, Failure> {
        let namespace = plan.namespace().unwrap_or_default();
        let now = read_plan(&self.client, &namespace, &plan.name_any()).await?;
        Ok(now.filter(|now| now.uid() == plan.uid()).map(Arc::new))
    }

    async fn is_pinned(&self, plan: &EtcdBackup, manifest: &Manifest) -> Result<bool, Failure> {
        let namespace = plan.namespace().unwrap_or_default();
        // Those that stand for it as far as it was seen, and the one that it was taken for.
        let objects = self
            .scope(plan)
            .map(|scope| scope.cache.objects_of(&namespace, &plan.name_any()));
        let shown = objects.into_iter().flatten();
        let shown = shown.filter(|object| identity(object).is(manifest));
        let mut names: BTreeSet<String> = shown.map(|object| object.name_any()).collect();
        names.extend(manifest.etcd_snapshot.iter().map(|object| object.name.clone()));
        for name in names {
            let object: Option<SnapshotObject> = read(&self.client, &namespace, &name)
                .await
                .map_err(|message| Failure::transient(UNREAD, message))?;
            let pinned = object.as_ref().and_then(pinned);
            if pinned.is_some_and(|pinned| pinned.is(manifest)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pins(&self, plan: &EtcdBackup) -> Pins {
        let Some(scope) = self.scope(plan) else {
            return Pins::default();
        };
        let namespace = plan.namespace().unwrap_or_default();
        let objects = scope.cache.objects_of(&namespace, &plan.name_any());
        objects.iter().filter_map(|object| pinned(object)).collect()
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
