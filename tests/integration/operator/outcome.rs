//! What became of what a test asked for: waiting for it, and reading it.

use std::{fmt::Display, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::conditions::find;
use etcd_backup_api::{Condition, EtcdBackup, EtcdSnapshot, SnapshotPhase};
use futures::TryStreamExt;
use harness::wait;
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::time::timeout;

use super::case::Case;

/// How long anything may take on a machine that is busy with other tests.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

impl Case {
    /// Waits until a snapshot has succeeded; fails at once when it has failed.
    pub(super) async fn succeeded(&self, name: &str) -> Result<EtcdSnapshot> {
        let snapshot = self.over(name).await?;
        ensure!(
            phase(&snapshot) == SnapshotPhase::Succeeded,
            "{}",
            told(&snapshot)
        );
        ensure!(
            is_true(&snapshot, "Complete"),
            "it has succeeded and is not Complete"
        );
        Ok(snapshot)
    }

    /// Waits until a snapshot has failed, and gives the reason and the message.
    pub(super) async fn failed(&self, name: &str) -> Result<(String, String)> {
        let snapshot = self.over(name).await?;
        ensure!(phase(&snapshot) == SnapshotPhase::Failed, "{}", told(&snapshot));
        ensure!(
            is_true(&snapshot, "Failed"),
            "it has failed without the condition"
        );
        let status = snapshot.status.unwrap_or_default();
        Ok((
            status.reason.unwrap_or_default(),
            status.message.unwrap_or_default(),
        ))
    }

    /// Waits until a snapshot has succeeded or failed.
    async fn over(&self, name: &str) -> Result<EtcdSnapshot> {
        self.until_snapshot(name, "it to be over", |snapshot| phase(snapshot).is_terminal())
            .await
    }

    /// Waits until a snapshot is as it should be.
    pub(super) async fn until_snapshot(
        &self,
        name: &str,
        what: impl Display,
        wanted: impl Fn(&EtcdSnapshot) -> bool,
    ) -> Result<EtcdSnapshot> {
        let api = self.snapshots();
        wait::until_ok(format!("EtcdSnapshot {name}: {what}"), PATIENCE, async || {
            let snapshot = api.get(name).await.context("get it")?;
            ensure!(wanted(&snapshot), "{}", told(&snapshot));
            Ok(snapshot)
        })
        .await
    }

    /// Waits until no snapshot is under way.
    pub(super) async fn nothing_runs(&self) -> Result<()> {
        wait::until_ok("every snapshot to be over", PATIENCE, async || {
            let all = self.all_snapshots().await?;
            let active = all.iter().find(|snapshot| !phase(snapshot).is_terminal());
            ensure!(active.is_none(), "{}", active.map(told).unwrap_or_default());
            Ok(())
        })
        .await
    }

    /// Waits until a plan is as it should be.
    pub(super) async fn until_plan(
        &self,
        name: &str,
        what: impl Display,
        wanted: impl Fn(&EtcdBackup) -> bool,
    ) -> Result<EtcdBackup> {
        let api = self.plans();
        wait::until_ok(format!("EtcdBackup {name}: {what}"), PATIENCE, async || {
            let plan = api.get(name).await.context("get it")?;
            ensure!(wanted(&plan), "its status is {}", json!(plan.status));
            Ok(plan)
        })
        .await
    }

    /// Waits until a condition of a plan has this status and reason, about the plan as it is now.
    pub(super) async fn condition(
        &self,
        plan: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Result<Condition> {
        self.condition_within(PATIENCE, plan, kind, status, reason).await
    }

    /// The same, and that its message has these words in it.
    pub(super) async fn condition_saying(
        &self,
        plan: &str,
        kind: &str,
        [status, reason]: [&str; 2],
        words: &str,
    ) -> Result<Condition> {
        let says = |condition: &Condition| condition.message.contains(words);
        let holds = |condition: &Condition| is(condition, status, reason) && says(condition);
        let what = format!("{kind}={status} with reason {reason} and the words: {words}");
        self.condition_where(PATIENCE, plan, kind, &what, holds).await
    }

    /// As [`condition`](Self::condition), of what comes by the clock.
    pub(super) async fn condition_within(
        &self,
        patience: Duration,
        plan: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) -> Result<Condition> {
        let holds = |condition: &Condition| is(condition, status, reason);
        let what = format!("{kind}={status} with reason {reason}");
        self.condition_where(patience, plan, kind, &what, holds).await
    }

    async fn condition_where(
        &self,
        patience: Duration,
        plan: &str,
        kind: &str,
        what: &str,
        holds: impl Fn(&Condition) -> bool,
    ) -> Result<Condition> {
        let api = self.plans();
        wait::until_ok(format!("EtcdBackup {plan}: {what}"), patience, async || {
            let plan = api.get(plan).await.context("get it")?;
            let current = condition_of(&plan, kind).filter(|_| is_observed(&plan));
            let current = current.filter(&holds);
            current.with_context(|| format!("its status is {}", json!(plan.status)))
        })
        .await
    }

    /// Waits for the first that a condition says about the very generation of `applied`, and that it is this. That it is being
    /// looked at says nothing yet.
    pub(super) async fn first_said(
        &self,
        applied: &EtcdBackup,
        kind: &str,
        [status, reason]: [&str; 2],
    ) -> Result<()> {
        let (name, generation) = (applied.name_any(), applied.metadata.generation);
        let version = applied.resource_version().context("no version")?;
        let params = WatchParams::default().fields(&format!("metadata.name={name}"));
        let changes = self.plans();
        let mut changes = Box::pin(changes.watch(&params, &version).await.context("watch it")?);
        let first = async {
            while let Some(change) = changes.try_next().await.context("watch it")? {
                let WatchEvent::Modified(plan) = change else {
                    continue;
                };
                let said = condition_of(&plan, kind);
                let said = said.filter(|said| said.observed_generation == generation);
                if let Some(said) = said.filter(|said| !is(said, "Unknown", "Checking")) {
                    return Ok(said);
                }
            }
            bail!("the watch ended")
        };
        let said = timeout(PATIENCE, first)
            .await
            .with_context(|| format!("nothing is said about {kind} of {name}"))??;
        ensure!(is(&said, status, reason), "it says {}", json!(said));
        Ok(())
    }

    /// Waits for an event with this reason about something of this name, and gives its note.
    pub(super) async fn event(&self, reason: &str, about: &str) -> Result<String> {
        let what = format!("the event {reason} about {about}");
        wait::until_ok(what, PATIENCE, async || {
            let events = self.events().await?;
            let event = events.into_iter().find(|event| {
                let regarding = event.regarding.as_ref().and_then(|object| object.name.as_deref());
                event.reason.as_deref() == Some(reason) && regarding == Some(about)
            });
            event
                .context("no such event")
                .map(|event| event.note.unwrap_or_default())
        })
        .await
    }

    pub(super) async fn events(&self) -> Result<Vec<Event>> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        Ok(api
            .list(&ListParams::default())
            .await
            .context("list events")?
            .items)
    }

    /// Deletes a plan, and waits until it is gone.
    pub(super) async fn delete_plan(&self, name: &str) -> Result<()> {
        let api = self.plans();
        api.delete(name, &DeleteParams::default())
            .await
            .context("delete a plan")?;
        wait::until_ok(
            format!("EtcdBackup {name} to be gone"),
            PATIENCE,
            async || match api.get_opt(name).await.context("get it")? {
                None => Ok(()),
                Some(plan) => bail!("it has the finalizers {:?}", plan.finalizers()),
            },
        )
        .await
    }
}

pub(super) fn phase(snapshot: &EtcdSnapshot) -> SnapshotPhase {
    snapshot
        .status
        .as_ref()
        .map(|status| status.phase)
        .unwrap_or_default()
}

fn told(snapshot: &EtcdSnapshot) -> String {
    let status = snapshot.status.clone().unwrap_or_default();
    let (reason, message) = (
        status.reason.unwrap_or_default(),
        status.message.unwrap_or_default(),
    );
    format!(
        "{} is {:?}: {reason}: {message}",
        snapshot.name_any(),
        status.phase
    )
}

fn is(condition: &Condition, status: &str, reason: &str) -> bool {
    condition.status == status && condition.reason == reason
}

fn is_true(snapshot: &EtcdSnapshot, kind: &str) -> bool {
    let status = snapshot.status.as_ref();
    let condition = status.and_then(|status| find(&status.conditions, kind));
    condition.is_some_and(|condition| condition.status == "True")
}

pub(super) fn condition_of(plan: &EtcdBackup, kind: &str) -> Option<Condition> {
    find(&plan.status.as_ref()?.conditions, kind).cloned()
}

/// Whether the status speaks of the plan as it is now.
pub(super) fn is_observed(plan: &EtcdBackup) -> bool {
    let observed = plan.status.as_ref().and_then(|status| status.observed_generation);
    observed == plan.metadata.generation
}
