//! What needs a right: asked for while it is missing, said to be missing, and done when it is back.

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdRestore, EtcdRestoreStatus};
use harness::{operator::Operator, wait};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};

use super::{
    table::{self, Deed, Right, Told},
    ward::Ward,
};
use crate::operator::{outcome::PATIENCE, permissions::logged, plan::Plan};

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// While everything is allowed.
    Allowed,
    /// While the right is missing.
    Missing,
}

impl Ward<'_> {
    pub(super) async fn told(&self, index: usize, right: &Right, operator: &Operator) -> Result<()> {
        match right.told {
            Told::Log => logged(operator.log(), &[&right.words()]).await,
            Told::Plan(reason, words) => {
                let plan = format!("plan-{index}");
                let says = |status: &Value| {
                    let conditions = status["conditions"].as_array().into_iter().flatten();
                    conditions.into_iter().any(|condition| {
                        let message = condition["message"].as_str().unwrap_or_default();
                        condition["reason"] == reason && message.contains(words)
                    })
                };
                let what = format!("a condition {reason} with: {words}");
                self.case
                    .until_plan(&plan, what, |plan| says(&json!(plan.status)))
                    .await
                    .map(drop)
            }
            Told::Restore => {
                let says = |status: &EtcdRestoreStatus| {
                    let message = status.message.clone().unwrap_or_default();
                    status.reason.as_deref() == Some("Forbidden")
                        && message.contains(&right.words())
                        && message.contains("config/components/restore")
                };
                self.until_restore(index, "it to say what is forbidden", says)
                    .await
            }
        }
    }

    pub(super) fn restores(&self) -> Api<EtcdRestore> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    pub(super) async fn until_restore(
        &self,
        index: usize,
        what: &str,
        wanted: impl Fn(&EtcdRestoreStatus) -> bool,
    ) -> Result<()> {
        let (api, name) = (self.restores(), format!("restore-{index}"));
        wait::until_ok(format!("{name}: {what}"), PATIENCE, async || {
            let status = api.get(&name).await?.status.unwrap_or_default();
            ensure!(wanted(&status), "{}", json!(status));
            Ok(())
        })
        .await
    }

    /// What of the operator's work needs no such right.
    pub(super) async fn rest_goes_on(&self, index: usize, right: &Right) -> Result<()> {
        if right.stops_backups {
            return Ok(());
        }
        self.case
            .take(&format!("meanwhile-{index}"), "prod")
            .await
            .map(drop)
    }

    pub(super) async fn deed(&self, index: usize, right: &Right, when: When) -> Result<()> {
        let plan = format!("plan-{index}");
        let own = || Plan::new(&plan, self.etcd, self.case);
        match (right.deed, when) {
            (Deed::Plan, When::Missing) => self.case.apply(&own()).await.map(drop),
            (Deed::PlanThatDeletes, When::Missing) => {
                let plan = own().with("deletionPolicy", json!("Delete"));
                self.case.apply(&plan).await.map(drop)
            }
            (Deed::Snapshot, When::Missing) => self.case.ask(&format!("ask-{index}"), "prod").await,
            (Deed::RunNow, When::Missing) => self.case.run_now("prod", &format!("token-{index}")).await,
            (Deed::Prune, When::Allowed) => {
                let plan = own().with("retention", json!({"keepLast": 1}));
                self.case.apply(&plan).await?;
                self.case
                    .take(&format!("first-{index}"), &format!("plan-{index}"))
                    .await
                    .map(drop)
            }
            (Deed::Prune, When::Missing) => self
                .case
                .take(&format!("second-{index}"), &format!("plan-{index}"))
                .await
                .map(drop),
            (Deed::Restore, When::Missing) => self.create_restore(index, None).await,
            (Deed::RestoreSet, When::Allowed) => {
                let mut set = table::stateful_set(&format!("set-{index}"));
                set["metadata"]["namespace"] = json!(self.case.namespace);
                self.kubectl.apply(&set.to_string()).map(drop)
            }
            (Deed::RestoreSet, When::Missing) => {
                self.create_restore(index, Some(&format!("set-{index}"))).await
            }
            (Deed::DeletedRestore, When::Allowed) => {
                self.create_restore(index, None).await?;
                self.until_restore(index, "its Jobs to be made", |status| {
                    status.members.iter().all(|member| member.job.is_some()) && !status.members.is_empty()
                })
                .await
            }
            (Deed::DeletedRestore, When::Missing) => {
                let name = format!("restore-{index}");
                let params = DeleteParams::default();
                self.restores().delete(&name, &params).await?;
                Ok(())
            }
            (Deed::Nothing, _) | (_, When::Allowed) => Ok(()),
        }
    }

    pub(super) async fn create_restore(&self, index: usize, set: Option<&str>) -> Result<()> {
        let restore = table::restore(&format!("restore-{index}"), index, set);
        let created: EtcdRestore = serde_json::from_value(restore)?;
        let created = self.restores().create(&PostParams::default(), &created).await;
        created.map(drop).context("create a restore")
    }

    /// With the right back, what was asked for is done.
    pub(super) async fn recovers(&self, index: usize, right: &Right) -> Result<()> {
        let plan = format!("plan-{index}");
        match right.deed {
            Deed::Plan | Deed::PlanThatDeletes => {
                self.case.condition(&plan, "Accepted", "True", "Accepted").await?;
                self.case.take(&format!("taken-{index}"), &plan).await.map(drop)
            }
            Deed::Snapshot => self.case.succeeded(&format!("ask-{index}")).await.map(drop),
            Deed::RunNow => {
                let done = async || {
                    let all = self.case.all_snapshots().await.unwrap_or_default();
                    let asked = |name: &str| name.starts_with("prod-");
                    all.iter()
                        .any(|snapshot| snapshot.metadata.name.as_deref().is_some_and(asked))
                };
                wait::until("the snapshot that was asked for", PATIENCE, done).await
            }
            Deed::Prune => {
                let gone = async || {
                    let first = self.case.snapshots().get_opt(&format!("first-{index}")).await;
                    first.is_ok_and(|first| first.is_none())
                };
                wait::until("the first snapshot to be gone", PATIENCE, gone).await
            }
            Deed::Restore | Deed::RestoreSet | Deed::DeletedRestore => {
                let allowed = |status: &EtcdRestoreStatus| {
                    status
                        .reason
                        .as_deref()
                        .is_some_and(|reason| reason != "Forbidden")
                };
                self.until_restore(index, "it to go on", allowed).await
            }
            Deed::Nothing => Ok(()),
        }
    }
}
