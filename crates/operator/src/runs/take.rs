//! Taking one snapshot, from two open ends to a manifest: the same in the operator's own process and in the pod of a Job.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_backup::layout::RunId;
use etcd_backup_backup::owner::{self, Claimed, Owner};
use etcd_backup_backup::write::{Control, Limits};
use etcd_backup_etcd::{Choice, ChoosePolicy, Cluster, Config, choose};
use etcd_backup_store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Span, info, warn};

use super::member::{Member, Prepared, Trouble};
use super::recipe::Recipe;
use super::request::{RunRequest, RunResult, Taken};
use super::stop::leadership_lost;
use crate::connect::Failure;
use crate::metrics::Stage;

/// Both ends of a run, before anything is sent to either.
pub struct Ends {
    /// UID of the Kubernetes cluster, which marks the place in the store.
    pub kubernetes_uid: String,
    /// Where the snapshot goes.
    pub store: Arc<dyn Store>,
    /// How to speak to etcd.
    pub etcd: Config,
}

/// A run, wherever it runs.
pub struct Take<'a> {
    /// What is to be taken.
    pub request: &'a RunRequest,
    /// Its bounds.
    pub limits: &'a Limits,
    /// Tells the time.
    pub clock: &'a (dyn Fn() -> DateTime<Utc> + Send + Sync),
    /// Is told how it goes.
    pub witness: &'a dyn Witness,
}

/// Is told how a run goes.
pub trait Witness: Send + Sync {
    /// A stage took this long.
    fn took(&self, stage: Stage, time: Duration);

    /// A stage failed, for this reason. It may go well at another member.
    fn failed(&self, stage: Stage, reason: &str);

    /// This member is read from now, and why.
    fn chose(&self, choice: &Choice);
}

impl std::fmt::Debug for Take<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Take")
            .field("request", self.request)
            .finish_non_exhaustive()
    }
}

impl Take<'_> {
    /// Checks the plan, opens both ends with `open`, makes sure that the place in the store is the plan's, and takes the
    /// snapshot, trying another member when one of them is the trouble. `claimed` is told whose the place was.
    ///
    /// # Errors
    /// Why there is no backup.
    pub async fn run(
        &self,
        control: Control,
        open: impl Future<Output = Result<Ends, Failure>>,
        claimed: impl AsyncFnOnce(&Claimed),
    ) -> RunResult {
        let began = Instant::now();
        let cancel = control.cancel.clone();
        let prepared = Box::pin(unless(&cancel, self.prepare(&control, open, claimed))).await;
        let prepared = prepared.inspect_err(|failure| self.failed(Stage::Connect, failure))?;
        self.witness.took(Stage::Connect, began.elapsed());
        let mut tried = BTreeSet::new();
        let mut last: Option<Failure> = None;
        loop {
            let began = Instant::now();
            let choice = unless(&cancel, choose_member(&prepared, &tried)).await;
            let choice = choice.inspect_err(|failure| self.failed(Stage::Survey, failure))?;
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
            self.witness.chose(&choice);
            let started = (self.clock)();
            let run = RunId::generate(started).map_err(|error| Failure::of("Internal", true, &error))?;
            Span::current().record("run", tracing::field::display(run));
            let endpoint = choice.endpoint.clone();
            let member = Member {
                prepared: &prepared,
                request: self.request,
                limits: self.limits,
                run,
                started,
            };
            let (choice, minimum) = match unless(&cancel, member.confirm(choice)).await {
                Ok(confirmed) => confirmed,
                Err(failure) => {
                    self.failed(Stage::Survey, &failure);
                    last = Some(next_member(&endpoint, failure, &mut tried)?);
                    continue;
                }
            };
            self.witness.took(Stage::Survey, began.elapsed());
            let began = Instant::now();
            let written = member
                .write(choice, minimum, (self.clock)(), control.clone())
                .await;
            self.witness.took(Stage::Write, began.elapsed());
            if let Err(Trouble::Run(failure) | Trouble::Member(failure)) = &written {
                self.failed(Stage::Write, failure);
            }
            match written {
                Ok(manifest) => {
                    let location = Some(prepared.store.location());
                    return Ok(Arc::new(Taken { manifest, location }));
                }
                Err(Trouble::Run(failure)) => return Err(failure),
                Err(Trouble::Member(failure)) => last = Some(next_member(&endpoint, failure, &mut tried)?),
            }
        }
    }

    fn failed(&self, stage: Stage, failure: &Failure) {
        self.witness.failed(stage, &failure.reason);
    }

    async fn prepare(
        &self,
        control: &Control,
        open: impl Future<Output = Result<Ends, Failure>>,
        told: impl AsyncFnOnce(&Claimed),
    ) -> Result<Prepared, Failure> {
        let recipe = Recipe::of(&self.request.plan)?;
        let Ends {
            kubernetes_uid,
            store,
            etcd,
        } = open.await?;
        let cluster =
            Cluster::new(etcd).map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))?;
        (control.fence)().map_err(|_| leadership_lost())?;
        let owner = Owner {
            kubernetes_cluster_uid: Some(kubernetes_uid.clone()),
            plan_uid: Some(recipe.plan_uid.clone()),
        };
        let claimed = owner::claim(&*store, &recipe.plan, &owner, (self.clock)()).await;
        let claimed = claimed.map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))?;
        told(&claimed).await;
        Ok(Prepared {
            recipe,
            store,
            cluster: Arc::new(cluster),
            kubernetes_uid,
        })
    }
}

async fn choose_member(prepared: &Prepared, tried: &BTreeSet<String>) -> Result<Choice, Failure> {
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
