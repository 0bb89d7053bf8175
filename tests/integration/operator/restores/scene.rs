//! One test: a [`Case`] where restores are carried out, three claims with old data, and somebody who runs the Jobs.

use std::{fmt::Display, path::PathBuf, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::conditions::find;
use etcd_backup_api::{EtcdRestore, EtcdRestoreStatus, RestorePhase};
use harness::{etcd::Etcd, etcd::Version, operator::Operator, ports, wait};
use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    disk::{self, Disk},
    kubelet::Kubelet,
    members::Place,
};
use crate::operator::{
    case::Case,
    data,
    outcome::PATIENCE,
    plan::Plan,
    world::{Stage, Stages, Taken},
};

/// What the tests of restores share.
pub(super) struct Ward {
    pub(super) stage: Stage,
    pub(super) operator: Operator,
    /// What is backed up and restored. Nobody writes to it.
    pub(super) subject: Etcd,
}

impl Ward {
    pub(super) async fn shared() -> Result<&'static Self> {
        static WARD: OnceCell<Ward> = OnceCell::const_new();
        WARD.get_or_try_init(Self::begin)
            .await
            .context("start the world of restores")
    }

    async fn begin() -> Result<Self> {
        let stage = Stage::set_with(INSTALLED).await?;
        Ok(Self {
            operator: stage.operator(&FLAGS).await?,
            stage,
            subject: data::etcd(Version::V3_6).await?,
        })
    }
}

/// A stage on which restores and drills are carried out, for one test at a time.
pub(super) async fn breakable() -> Result<Taken> {
    static STAGES: Stages = Stages::of(INSTALLED);
    STAGES.free().await
}

/// What is installed.
pub(super) const INSTALLED: &str = "tests/integration/operator/restores/installed";

/// What an operator is started with that carries restores out.
pub(super) const FLAGS: [&str; 4] = [
    "--enable-restore",
    "--agent-image=etcd-backup:test",
    "--restore-host-path-root=/var/lib/etcd",
    "--catalogue-resync=4s",
];

/// A test in progress.
pub(super) struct Scene {
    pub(super) case: Case,
    pub(super) subject: &'static Etcd,
    pub(super) disk: Arc<Disk>,
    pub(super) kubelet: Kubelet,
    pub(super) peers: Vec<u16>,
}

impl Scene {
    /// Begins a test in the shared world, in a namespace that admits only what keeps to Kubernetes' restricted profile, with
    /// the plan `prod`.
    pub(super) async fn begin(name: &str) -> Result<Self> {
        let ward = Ward::shared().await?;
        let mut scene = Self::on(&ward.stage, &ward.subject, name).await?;
        scene.case.follow(&ward.operator);
        Ok(scene)
    }

    /// The same on a stage, where somebody else starts operators.
    pub(super) async fn on(stage: &Stage, subject: &'static Etcd, name: &str) -> Result<Self> {
        let mut case = Case::on(stage, name).await?;
        case.admit(Some("restricted")).await?;
        case.apply(&Plan::new("prod", subject, &case)).await?;
        let disk = Arc::new(Disk::new()?);
        case.logs.push(disk.logs()?);
        let scene = Self {
            kubelet: Kubelet::start(&case.client, name, &disk),
            peers: (0..3).map(|_| ports::free()).collect::<Result<_>>()?,
            case,
            subject,
            disk,
        };
        for index in 0..3 {
            disk::plant(&scene.data(index))?;
        }
        Ok(scene)
    }

    /// The data directory of a member's claim.
    pub(super) fn data(&self, index: usize) -> PathBuf {
        self.disk.claim(&format!("data-{index}"))
    }

    /// Three members, each in a claim, whose old data goes aside.
    pub(super) fn spec(&self, source: &Value) -> Value {
        let members = self.peers.iter().enumerate().map(|(index, peer)| {
            json!({
                "name": format!("m{index}"), "peerURLs": [format!("http://127.0.0.1:{peer}")],
                "target": {"persistentVolumeClaim": {"claimName": format!("data-{index}")}},
            })
        });
        json!({
            "source": source, "existingData": "ReplaceAside", "members": members.collect::<Vec<_>>(),
        })
    }

    pub(super) fn restores(&self) -> Api<EtcdRestore> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    pub(super) async fn create(&self, name: &str, spec: &Value) -> Result<EtcdRestore> {
        let restore = json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("integration-tests").validation_strict();
        let created = self
            .restores()
            .patch(name, &params, &Patch::Apply(&restore))
            .await;
        created.with_context(|| format!("create the EtcdRestore {name}"))
    }

    /// Waits until a restore is as it should be.
    pub(super) async fn until(
        &self,
        name: &str,
        what: impl Display,
        wanted: impl Fn(&EtcdRestoreStatus) -> bool,
    ) -> Result<EtcdRestoreStatus> {
        let api = self.restores();
        wait::until_ok(format!("EtcdRestore {name}: {what}"), PATIENCE, async || {
            let status = api.get(name).await.context("get it")?.status.unwrap_or_default();
            ensure!(wanted(&status), "{}", json!(status));
            Ok(status)
        })
        .await
    }

    /// Waits until a restore has succeeded; fails at once when it has failed.
    pub(super) async fn succeeded(&self, name: &str) -> Result<EtcdRestoreStatus> {
        let status = self.over(name, RestorePhase::Succeeded).await?;
        ensure!(is_true(&status, "Complete") && !is_true(&status, "Failed"));
        ensure!(status.members_done == Some(3), "{:?}", status.members_done);
        Ok(status)
    }

    /// Waits until a restore has failed.
    pub(super) async fn failed(&self, name: &str) -> Result<EtcdRestoreStatus> {
        let status = self.over(name, RestorePhase::Failed).await?;
        ensure!(is_true(&status, "Failed") && !is_true(&status, "Complete"));
        Ok(status)
    }

    async fn over(&self, name: &str, expected: RestorePhase) -> Result<EtcdRestoreStatus> {
        let status = self
            .until(name, "it to be over", |status| status.phase.is_terminal())
            .await?;
        ensure!(status.phase == expected, "it is {}", json!(status));
        Ok(status)
    }

    /// Waits until a restore's Jobs of a step are there, and gives them in the order of the members.
    pub(super) async fn jobs(&self, step: &str, count: usize) -> Result<Vec<Job>> {
        let api: Api<Job> = Api::namespaced(self.case.client.clone(), &self.case.namespace);
        let label = format!("etcdbackup.dev/restore-step={step}");
        wait::until_ok(format!("{count} Jobs that {step}"), PATIENCE, async || {
            let mut jobs = api.list(&ListParams::default().labels(&label)).await?.items;
            jobs.sort_by_key(ResourceExt::name_any);
            ensure!(jobs.len() == count, "there are {}", jobs.len());
            Ok(jobs)
        })
        .await
    }

    /// Deletes a restore, and waits until it is gone.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let api = self.restores();
        api.delete(name, &kube::api::DeleteParams::default()).await?;
        let gone = async || match api.get_opt(name).await? {
            None => Ok(()),
            Some(restore) => bail!("{}", json!(restore.status)),
        };
        wait::until_ok(format!("{name} to be gone"), PATIENCE, gone).await
    }

    /// Where the members of [`Self::spec`] are started.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |(index, peer): (usize, &u16)| (format!("m{index}"), *peer, self.data(index));
        self.peers.iter().enumerate().map(place).collect()
    }

    /// Judges.
    pub(super) async fn finish(self) -> Result<()> {
        let subject = self.subject;
        self.finish_with(subject).await
    }

    /// The same, where something else was backed up.
    pub(super) async fn finish_with(self, subject: &Etcd) -> Result<()> {
        self.case.finish(subject).await.map(drop)
    }
}

fn is_true(status: &EtcdRestoreStatus, kind: &str) -> bool {
    find(&status.conditions, kind).is_some_and(|condition| condition.status == "True")
}
