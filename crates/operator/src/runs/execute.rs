//! The real run: from a plan to a manifest.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::layout::RunId;
use etcd_backup_backup::owner::{self, Claimed, Owner};
use etcd_backup_backup::write::{self, Fenced, Limits, Progress};
use etcd_backup_etcd::{ChoosePolicy, Cluster, choose};
use etcd_backup_store::Store;
use kube::Resource;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{Span, info, warn};

use super::member::{Member, Trouble};
use super::recipe::{self, Recipe};
use super::request::{Execute, RunFailure, RunRequest, RunResult};
use crate::connect::{Connector, Failure};
use crate::events::{Events, Note, reason as event};
use crate::lease::{Leadership, Tenure};
use crate::metrics::{Flow, Metrics, Stage};
use crate::settings::Settings;

/// How long a run may clean up after the lead was lost. Its side effects are fenced from the first moment on.
const CLEANUP: Duration = Duration::from_secs(10);

/// Takes snapshots for real.
pub struct Executor {
    connector: Connector,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    events: Events,
    limits: Limits,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor")
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

/// What stays the same for all members that a run tries.
pub(super) struct Prepared {
    pub(super) recipe: Recipe,
    pub(super) store: Arc<dyn Store>,
    pub(super) cluster: Cluster,
    pub(super) kubernetes_uid: String,
}

impl Executor {
    /// An executor within the bounds that `settings` give each run.
    pub fn new(
        connector: Connector,
        settings: &Settings,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        events: Events,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self {
            connector,
            leadership,
            metrics,
            events,
            limits: recipe::limits(settings),
            clock,
        }
    }

    /// The steps of a run, trying another member when one of them is the trouble.
    async fn run(&self, request: &RunRequest, control: write::Control) -> RunResult {
        let began = Instant::now();
        let cancel = control.cancel.clone();
        let prepared = Box::pin(unless(&cancel, self.prepare(request, &control))).await?;
        self.metrics.stage_took(Stage::Connect, began.elapsed());
        let mut tried = BTreeSet::new();
        let mut last: Option<Failure> = None;
        loop {
            let began = Instant::now();
            let choice = unless(&cancel, self.choose(&prepared, &tried)).await?;
            if tried.contains(&choice.endpoint)
                && let Some(failure) = last
            {
                return Err(failure);
            }
            info!(
                member = choice.member_name,
                version = choice.version,
                degraded = choice.degraded,
                "{}",
                choice.why
            );
            let started = (self.clock)();
            let run = RunId::generate(started).map_err(|error| Failure::of("Internal", true, &error))?;
            Span::current().record("run", tracing::field::display(run));
            let endpoint = choice.endpoint.clone();
            let member = Member {
                prepared: &prepared,
                request,
                limits: &self.limits,
                run,
                started,
            };
            let (choice, minimum) = match unless(&cancel, member.confirm(choice)).await {
                Ok(confirmed) => confirmed,
                Err(failure) => {
                    last = Some(next_member(&endpoint, failure, &mut tried)?);
                    continue;
                }
            };
            self.metrics.stage_took(Stage::Survey, began.elapsed());
            let began = Instant::now();
            let written = member
                .write(choice, minimum, (self.clock)(), control.clone())
                .await;
            self.metrics.stage_took(Stage::Write, began.elapsed());
            match written {
                Ok(manifest) => return Ok(Arc::new(manifest)),
                Err(Trouble::Run(failure)) => return Err(failure),
                Err(Trouble::Member(failure)) => last = Some(next_member(&endpoint, failure, &mut tried)?),
            }
        }
    }

    /// Opens both ends and makes sure that the place in the store is ours.
    async fn prepare(&self, request: &RunRequest, control: &write::Control) -> Result<Prepared, Failure> {
        let recipe = Recipe::of(&request.plan)?;
        let kubernetes_uid = self.connector.kubernetes_uid().await?;
        let store = self.connector.store(&request.plan, (self.clock)()).await?;
        let config = self.connector.etcd(&request.plan).await?;
        let cluster = Cluster::new(config)
            .map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))?;
        (control.fence)().map_err(|_| leadership_lost())?;
        let owner = Owner {
            kubernetes_cluster_uid: Some(kubernetes_uid.clone()),
            plan_uid: Some(recipe.plan_uid.clone()),
        };
        let claimed = owner::claim(&*store, &recipe.plan, &owner, (self.clock)()).await;
        let claimed = claimed.map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))?;
        self.tell(&request.plan, &claimed).await;
        Ok(Prepared {
            recipe,
            store,
            cluster,
            kubernetes_uid,
        })
    }

    /// Somebody may wonder why what an earlier plan wrote is never pruned.
    async fn tell(&self, plan: &EtcdBackup, claimed: &Claimed) {
        let Claimed::TakenOver { from } = claimed else {
            return;
        };
        let message = format!(
            "the place in the store was claimed by {from}, which had this name before, and is this plan's now. Backups of that plan stay; retention does not remove them"
        );
        let note = Note::normal(event::PREFIX_TAKEN_OVER, "Claim", message);
        self.events.publish(&plan.object_ref(&()), &[note]).await;
    }

    async fn choose(
        &self,
        prepared: &Prepared,
        tried: &BTreeSet<String>,
    ) -> Result<etcd_backup_etcd::Choice, Failure> {
        let policy = ChoosePolicy {
            expected_cluster_id: prepared.recipe.expected_cluster,
            allow_degraded: prepared.recipe.allow_degraded,
            avoid: tried.clone(),
            ..ChoosePolicy::default()
        };
        let survey = prepared.cluster.survey().await;
        // A member that broke off may be back with certificates or a password that this run, unlike the next, has not read.
        let changed = !tried.is_empty();
        choose(&survey, &policy)
            .map_err(|refusal| Failure::of(refusal.reason(), refusal.is_transient() || changed, &refusal))
    }
}

#[async_trait]
impl Execute for Executor {
    async fn execute(
        &self,
        request: &RunRequest,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult {
        let Ok(tenure) = self.leadership.tenure() else {
            return Err(leadership_lost());
        };
        let stop = cancel.child_token();
        let control = write::Control {
            progress: Arc::clone(&progress),
            cancel: stop.clone(),
            fence: fence(&tenure),
            steps: None,
        };
        let run = self.run(request, control);
        tokio::pin!(run);
        let result = tokio::select! {
            result = &mut run => result,
            () = tenure.lost() => {
                stop.cancel();
                // Whatever it still manages to say, the reason is this.
                let ended = timeout(CLEANUP, run).await;
                ended.ok().and_then(Result::ok).ok_or_else(leadership_lost)
            }
        };
        let now = progress.now();
        self.metrics.bytes_passed(Flow::Etcd, now.read);
        self.metrics.bytes_passed(Flow::Store, now.stored);
        result
    }
}

/// Notes that a member failed. An error ends the run: what a person must change fails at every member.
fn next_member(endpoint: &str, failure: Failure, tried: &mut BTreeSet<String>) -> Result<Failure, Failure> {
    if !failure.transient || !tried.insert(endpoint.to_owned()) {
        return Err(failure);
    }
    warn!(
        endpoint,
        reason = failure.reason,
        "{}; looking for another member",
        failure.message
    );
    Ok(failure)
}

/// `work`, given up when the run is cancelled. For the steps that leave nothing behind; writing cleans up by itself.
async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        () = cancel.cancelled() => Err(Failure::lasting("Cancelled", "the run was cancelled")),
        done = work => done,
    }
}

fn fence(tenure: &Tenure) -> Arc<dyn Fn() -> Result<(), Fenced> + Send + Sync> {
    let tenure = tenure.clone();
    Arc::new(move || tenure.fence().map_err(|error| Fenced(error.to_string())))
}

pub(super) fn leadership_lost() -> RunFailure {
    Failure::transient("LeadershipLost", "another operator took over during the run")
}
