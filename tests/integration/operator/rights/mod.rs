//! Every right that the operator is given, taken away once: it says which one is missing, does not try without pause, and
//! goes on with what it may do.

mod role;
mod table;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdRestore, EtcdRestoreStatus};
use harness::{
    etcd::{Etcd, Version},
    kubectl::Kubectl,
    operator::Operator,
    wait,
};
use kube::api::{Api, DeleteParams, PostParams};
pub(super) use role::Role;
use serde_json::{Value, json};

use super::{
    case::Case,
    data,
    outcome::PATIENCE,
    permissions::{lines, logged},
    plan::Plan,
    world::{SHORT_LEASE, Stage},
};
use table::{Deed, EXEMPT, RIGHTS, Right, Told};

/// A log with more lines than this about one missing right is that of a hot loop: pauses double from a second on.
const OFTEN: usize = 20;

/// What one installation's rights are tried on.
struct Ward<'a> {
    stage: &'a Stage,
    etcd: &'a Etcd,
    case: &'a Case,
    kubectl: &'a Kubectl,
    /// `role` or `clusterrole`: what holds the rights in the namespaces that are served.
    kind: &'a str,
}

#[tokio::test]
async fn without_any_single_right_in_all_namespaces_what_is_missing_is_said_and_the_rest_goes_on()
-> Result<()> {
    every_right(
        "tests/integration/operator/restores/installed",
        "clusterrole",
        "rights",
    )
    .await
}

#[tokio::test]
async fn without_any_single_right_in_one_namespace_what_is_missing_is_said_and_the_rest_goes_on() -> Result<()>
{
    every_right(
        "tests/integration/operator/rights/single",
        "role",
        "etcd-backup-system",
    )
    .await
}

async fn every_right(installation: &str, kind: &str, namespace: &str) -> Result<()> {
    let stage = Stage::set_with(installation).await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let case = if namespace == stage.identity.namespace {
        Case::within(&stage, namespace).await?
    } else {
        Case::on(&stage, namespace).await?
    };
    let kubectl = stage.server.kubectl()?;
    let ward = Ward {
        stage: &stage,
        etcd: &etcd,
        case: &case,
        kubectl: &kubectl,
        kind,
    };
    ward.is_complete()?;
    let mut operator = ward.operator(true).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.take("before", "prod").await?;
    let mut wrong = Vec::new();
    for (index, right) in RIGHTS.iter().enumerate() {
        let outcome = if right.starting {
            ensure!(operator.stop().await?.success());
            let recovered = ward.without_from_the_start(index, right).await;
            match recovered {
                Ok(recovered) => {
                    operator = recovered;
                    Ok(())
                }
                Err(error) => {
                    operator = ward.operator(true).await?;
                    Err(error)
                }
            }
        } else {
            ward.without(index, right, &operator).await
        };
        operator.process().check()?;
        if let Err(error) = outcome {
            wrong.push(format!("{} {}: {error:#}", right.verb, right.resource));
        }
    }
    // All of them: each run takes minutes.
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing is left of what was missing.
    case.take("after", "prod").await?;
    ensure!(operator.stop().await?.success());
    case.abandon();
    Ok(())
}

impl Ward<'_> {
    fn role(&self, right: &Right) -> Result<Role<'_>> {
        let namespace = format!("--namespace={}", self.stage.identity.namespace);
        let own = ["role", right.role, &namespace];
        let name: &[&str] = match right.role {
            "etcd-backup-operator-cluster-identity" => &["role", right.role, "--namespace=kube-system"],
            "etcd-backup-operator-leader-election" => &own,
            _ if self.kind == "role" => &own,
            name => &["clusterrole", name],
        };
        Role::known(self.kubectl, name)
    }

    /// Every right that is installed is in the table, or stands beside it with a reason.
    fn is_complete(&self) -> Result<()> {
        let mut missing = BTreeSet::new();
        let roles: BTreeSet<_> = RIGHTS.iter().map(|right| right.role).collect();
        for name in roles {
            let any = RIGHTS.iter().find(|right| right.role == name).context("any")?;
            for (resource, verb) in self.role(any)?.rights() {
                let known = |role: &str, of: &str, by: &str| (role, of, by) == (name, &*resource, &*verb);
                let listed = RIGHTS
                    .iter()
                    .any(|right| known(right.role, right.resource, right.verb));
                let exempt = EXEMPT.iter().any(|(role, of, by, _)| known(role, of, by));
                if !listed && !exempt {
                    missing.insert(format!("{name}: {verb} {resource}"));
                }
            }
        }
        ensure!(missing.is_empty(), "rights that no case takes away: {missing:?}");
        Ok(())
    }

    async fn operator(&self, restores: bool) -> Result<Operator> {
        let mut operator = self.launch(restores, true)?;
        operator.ready().await?;
        Ok(operator)
    }

    fn launch(&self, restores: bool, image: bool) -> Result<Operator> {
        let watch = format!("--watch-namespace={}", self.case.namespace);
        let mut flags = SHORT_LEASE.to_vec();
        flags.extend(["--catalogue-resync=4s", "--pod-name=operator-of-the-test"]);
        if restores {
            flags.push("--enable-restore");
        }
        if image {
            flags.push("--agent-image=etcd-backup:test");
        }
        if self.kind == "role" {
            flags.push(&watch);
        }
        self.stage.replica(&flags)
    }

    /// Waits until the API server has heard of it.
    async fn until_allowed(&self, right: &Right, allowed: bool) -> Result<()> {
        let identity = &self.stage.identity;
        let subject = format!(
            "--as=system:serviceaccount:{}:{}",
            identity.namespace, identity.service_account
        );
        let namespace = match right.role {
            "etcd-backup-operator-cluster-identity" => "kube-system",
            "etcd-backup-operator-leader-election" => &identity.namespace,
            _ => &self.case.namespace,
        };
        let namespace = format!("--namespace={namespace}");
        let (resource, sub) = right.resource.split_once('/').unwrap_or((right.resource, ""));
        let name = match resource {
            "namespaces" => "/kube-system",
            "leases" if right.verb != "create" => "/etcd-backup-operator",
            _ => "",
        };
        let resource = format!("{resource}{}{name}", table::group(resource));
        let sub = format!("--subresource={sub}");
        let question = ["auth", "can-i", right.verb, &resource, &sub, &subject, &namespace];
        let what = format!("the API server to know of {} {}", right.verb, right.resource);
        wait::until(what, PATIENCE, async || {
            let answer = self.kubectl.run(&question);
            answer.is_ok_and(|answer| answer.trim() == "yes") == allowed
        })
        .await
    }

    /// While the operator runs.
    async fn without(&self, index: usize, right: &Right, operator: &Operator) -> Result<()> {
        let role = self.role(right)?;
        let seen = lines(operator.log(), &[&right.words()]);
        self.deed(index, right, When::Allowed).await?;
        role.without_right(right.resource, right.verb)?;
        let outcome: Result<()> = async {
            self.until_allowed(right, false).await?;
            self.deed(index, right, When::Missing).await?;
            self.told(index, right, operator).await?;
            self.rest_goes_on(index, right).await
        }
        .await;
        role.restore()?;
        outcome?;
        let often = lines(operator.log(), &[&right.words()]) - seen;
        ensure!(often < OFTEN, "it was said {often} times");
        self.until_allowed(right, true).await?;
        self.recovers(index, right).await
    }

    /// From the moment at which it starts. Gives the operator that has recovered.
    async fn without_from_the_start(&self, index: usize, right: &Right) -> Result<Operator> {
        let role = self.role(right)?;
        if (right.resource, right.verb) == ("leases", "create") {
            let namespace = format!("--namespace={}", self.stage.identity.namespace);
            self.kubectl
                .run(&["delete", "lease", "etcd-backup-operator", &namespace])?;
        }
        role.without_right(right.resource, right.verb)?;
        let outcome: Result<Operator> = async {
            self.until_allowed(right, false).await?;
            // Where restores are carried out nothing is removed from a store before it is known what they read.
            let restores = right.resource != "etcdrestores";
            let mut operator = self.launch(restores, right.resource != "pods")?;
            self.deed(index, right, When::Missing).await?;
            self.told(index, right, &operator).await?;
            self.rest_goes_on(index, right).await?;
            operator.process().check()?;
            Ok(operator)
        }
        .await;
        role.restore()?;
        let mut operator = outcome?;
        let often = lines(operator.log(), &[&right.words()]);
        ensure!(often < OFTEN, "it was said {often} times");
        operator.ready().await?;
        self.recovers(index, right).await?;
        if right.resource == "etcdrestores" || right.resource == "pods" {
            ensure!(operator.stop().await?.success());
            operator = self.operator(true).await?;
        }
        Ok(operator)
    }

    async fn told(&self, index: usize, right: &Right, operator: &Operator) -> Result<()> {
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

    fn restores(&self) -> Api<EtcdRestore> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    async fn until_restore(
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
    async fn rest_goes_on(&self, index: usize, right: &Right) -> Result<()> {
        if right.stops_backups {
            return Ok(());
        }
        self.case
            .take(&format!("meanwhile-{index}"), "prod")
            .await
            .map(drop)
    }

    async fn deed(&self, index: usize, right: &Right, when: When) -> Result<()> {
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

    async fn create_restore(&self, index: usize, set: Option<&str>) -> Result<()> {
        let restore = table::restore(&format!("restore-{index}"), index, set);
        let created: EtcdRestore = serde_json::from_value(restore)?;
        let created = self.restores().create(&PostParams::default(), &created).await;
        created.map(drop).context("create a restore")
    }

    /// With the right back, what was asked for is done.
    async fn recovers(&self, index: usize, right: &Right) -> Result<()> {
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

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// While everything is allowed.
    Allowed,
    /// While the right is missing.
    Missing,
}
