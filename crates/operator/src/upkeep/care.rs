//! The real upkeep: opens the plan's store and works through what was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::{Age, Catalogue};
use etcd_backup_backup::layout::PlanKey;
use etcd_backup_backup::owner::{self, Owner};
use etcd_backup_backup::write::Fenced;
use etcd_backup_store::CreateOnly;
use kube::ResourceExt;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::live::Live;
use super::place::{Place, leadership_lost};
use super::work::{Tend, Tended, Work};
use super::{delete, prune};
use crate::connect::{Connector, Failure};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::restore::InUse;

/// How often leftovers are looked for. They are left alone for a day at least, and each look costs two listings.
const SWEEP_EVERY: Duration = Duration::from_hours(6);

/// Of so many plans is remembered what their stores can do. Beyond that it is asked again, which costs two requests.
const MOST_KNOWN: usize = 65_536;

/// Looks after stores for real.
pub struct Caretaker {
    connector: Connector,
    in_use: Arc<InUse>,
    live: Arc<dyn Live>,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    /// When each plan's place was last swept, by the plan's UID; for a new plan, when it was first seen.
    swept: Mutex<HashMap<String, Instant>>,
    /// Whether a store refuses to create where something is, by the plan's UID and the store's location.
    create_only: Mutex<HashMap<(String, String), CreateOnly>>,
}

impl std::fmt::Debug for Caretaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caretaker")
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

impl Caretaker {
    /// A caretaker that removes things only while this process leads, and never what is `in_use` or what people want kept, as
    /// `live` tells.
    pub fn new(
        connector: Connector,
        in_use: Arc<InUse>,
        live: Arc<dyn Live>,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self {
            connector,
            in_use,
            live,
            leadership,
            metrics,
            clock,
            swept: Mutex::default(),
            create_only: Mutex::default(),
        }
    }

    async fn open(&self, plan: &EtcdBackup) -> Result<Place, Failure> {
        let invalid = |why: String| Failure::lasting("InvalidSpec", why);
        let key = PlanKey::new(plan.namespace().unwrap_or_default(), plan.name_any())
            .map_err(|error| invalid(error.to_string()))?;
        let plan_uid = plan
            .uid()
            .ok_or_else(|| invalid("the plan has no UID".to_owned()))?;
        let tenure = self
            .leadership
            .tenure()
            .map_err(|error| leadership_lost(&error))?;
        Ok(Place {
            plan: key,
            owner: Owner {
                kubernetes_cluster_uid: Some(self.connector.kubernetes_uid().await?),
                plan_uid: Some(plan_uid),
            },
            store: self.connector.store(plan, (self.clock)()).await?,
            in_use: Arc::clone(&self.in_use),
            live: Arc::clone(&self.live),
            fence: Box::new(move || tenure.fence().map_err(|error| Fenced(error.to_string()))),
        })
    }

    /// Whether it is time to look for leftovers. After a success (`eager`) the first look comes at once, otherwise
    /// only when this process has known the plan for a while: a restart must not list everything twice.
    fn sweep_is_due(&self, uid: &str, eager: bool) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = swept
            .get(uid)
            .map_or(eager, |last| now.duration_since(*last) >= SWEEP_EVERY);
        if due || !swept.contains_key(uid) {
            // Plans that are gone are not looked at any more, and go from here as well.
            swept.retain(|_, last| now.duration_since(*last) < SWEEP_EVERY * 4);
            swept.insert(uid.to_owned(), now);
        }
        due
    }

    /// Whether the store refuses to create where something is. Asked once, when the place has become the plan's.
    async fn creates_only(&self, place: &Place, uid: &str) -> Option<CreateOnly> {
        let known = || self.create_only.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (uid.to_owned(), place.location());
        if let Some(found) = known().get(&at) {
            return Some(*found);
        }
        place.check_fence().ok()?;
        let asked = owner::creates_only(&*place.store, &place.plan, &place.owner).await;
        // Nobody's place yet, or somebody else's, or no answer: a later look may tell.
        let found = asked
            .inspect_err(|error| debug!(%error, "whether the store creates only is not known"))
            .ok()?;
        let mut known = known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(at, found);
        Some(found)
    }

    async fn sweep(&self, place: &Place, plan: &EtcdBackup) {
        let age = Age {
            now: (self.clock)(),
            timeout: plan.spec.timeout.as_std(),
            under_way_since: place.live.under_way_since(plan),
        };
        match place.sweep(age).await {
            Ok(swept)
                if swept.snapshots.is_empty() && swept.uploads.is_empty() && swept.failed.is_empty() => {}
            Ok(swept) => info!(
                snapshots = swept.snapshots.len(),
                uploads = swept.uploads.len(),
                failed = swept.failed.len(),
                "removed what dead runs had left"
            ),
            // Nothing depends on it; the next look may do better.
            Err(error) => warn!(%error, "looking for leftovers"),
        }
    }
}

#[async_trait]
impl Tend for Caretaker {
    async fn tend(&self, plan: &EtcdBackup, work: &Work) -> Tended {
        // Of no account for a plan that goes, and its Secrets may be gone already.
        let etcd = if plan.metadata.deletion_timestamp.is_none() {
            Some(self.connector.check_etcd(plan).await)
        } else {
            None
        };
        let place = match self.open(plan).await {
            Ok(place) => place,
            Err(failure) => {
                return Tended {
                    etcd,
                    ..Tended::failed(work, &failure)
                };
            }
        };
        let mut tended = Tended {
            etcd,
            ..work_through(&place, plan, work, (self.clock)()).await
        };
        if tended.catalogue.is_ok() && plan.metadata.deletion_timestamp.is_none() {
            let uid = plan.uid().unwrap_or_default();
            tended.create_only = self.creates_only(&place, &uid).await;
        }
        if let Some(Ok(outcome)) = &tended.retention
            && !outcome.dry_run
            && let Some(series) = self.metrics.plan(place.plan.namespace(), place.plan.name())
        {
            series.retention_ran(outcome.kept, outcome.removed.len(), outcome.refused.len());
        }
        let pruned = work.prune.as_ref().is_some_and(|prune| !prune.dry_run);
        let leftovers = tended.catalogue.is_ok() && !work.delete_all;
        if leftovers && self.sweep_is_due(plan.uid().unwrap_or_default().as_str(), pruned) {
            self.sweep(&place, plan).await;
        }
        tended
    }
}

/// Everything that was asked for, on one fresh listing.
pub(super) async fn work_through(
    place: &Place,
    plan: &EtcdBackup,
    work: &Work,
    now: DateTime<Utc>,
) -> Tended {
    let mut catalogue = match place.list().await {
        Ok(catalogue) => catalogue,
        Err(failure) => {
            return Tended {
                location: Some(place.location()),
                ..Tended::failed(work, &failure)
            };
        }
    };
    let deletion = if work.delete_all || !work.delete_runs.is_empty() {
        Some(delete::run(place, &mut catalogue, plan, work, now).await)
    } else {
        None
    };
    let retention = match &work.prune {
        Some(prune) => Some(prune::run(place, &mut catalogue, plan, prune, now).await),
        None => None,
    };
    Tended {
        location: Some(place.location()),
        catalogue: Ok(Arc::<Catalogue>::from(catalogue)),
        etcd: None,
        create_only: None,
        retention,
        deletion,
    }
}
