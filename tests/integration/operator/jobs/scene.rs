//! One test: a [`Case`] where Jobs take snapshots, and somebody who runs them.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use etcd_backup_api::EtcdSnapshotStatus;
use harness::{
    etcd::Etcd,
    s3::{Fault, Operation, S3Server},
    wait,
};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};

use crate::operator::{
    case::Case,
    data,
    outcome::PATIENCE,
    plan::Plan,
    restores::{disk::Disk, kubelet::Kubelet},
    world::{LEASE, Stage, Stages, Taken},
};

/// A stage on which Jobs may be made, for one test at a time.
pub(super) async fn stage() -> Result<Taken> {
    static STAGES: Stages = Stages::of("tests/integration/operator/jobs/installed");
    STAGES.free().await
}

/// What an operator is started with that lets Jobs take snapshots.
pub(super) fn flags() -> Vec<&'static str> {
    let mut flags = vec![
        "--enable-jobs",
        "--agent-image=etcd-backup:test",
        "--catalogue-resync=4s",
    ];
    flags.extend(LEASE);
    flags
}

/// A test in progress.
pub(super) struct Scene {
    pub(super) case: Case,
    pub(super) kubelet: Kubelet,
}

impl Scene {
    /// Begins one in a namespace that admits only what keeps to Kubernetes' restricted profile.
    pub(super) async fn begin(stage: &Stage, name: &str) -> Result<Self> {
        let mut case = Case::on(stage, name).await?;
        case.admit(Some("restricted")).await?;
        let disk = Arc::new(Disk::new()?);
        case.logs.push(disk.logs()?);
        let kubelet = Kubelet::start(&case.client, name, &disk);
        Ok(Self { case, kubelet })
    }

    /// A plan whose snapshots Jobs take.
    pub(super) fn plan(&self, etcd: &Etcd) -> Plan {
        Plan::new("prod", etcd, &self.case).with("runner", json!({"type": "Job"}))
    }

    pub(super) fn job_api(&self) -> Api<Job> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    pub(super) async fn jobs(&self) -> Result<Vec<Job>> {
        let jobs = self.job_api().list(&ListParams::default()).await;
        Ok(jobs.context("list Jobs")?.items)
    }

    pub(super) async fn pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = Api::namespaced(self.case.client.clone(), &self.case.namespace);
        Ok(pods
            .list(&ListParams::default())
            .await
            .context("list pods")?
            .items)
    }

    /// Waits until there is a pod, and gives it.
    pub(super) async fn pod(&self) -> Result<Pod> {
        wait::until_ok("a pod", PATIENCE, async || {
            self.pods().await?.pop().context("there is none")
        })
        .await
    }

    /// Deletes a snapshot, and waits until it is gone.
    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let api = self.case.snapshots();
        api.delete(name, &DeleteParams::default()).await?;
        let gone = async || match api.get_opt(name).await? {
            None => Ok(()),
            Some(snapshot) => bail!("{}", json!(snapshot.status)),
        };
        wait::until_ok(format!("{name} to be gone"), PATIENCE, gone).await
    }
}

/// A scene whose first run stands still or is slow at its first part.
pub(super) struct MidRun {
    pub(super) scene: Scene,
    pub(super) etcd: Etcd,
    pub(super) server: S3Server,
}

impl MidRun {
    pub(super) async fn prepare(
        stage: &Stage,
        name: &str,
        trouble: Fault,
        changes: &[(&str, Value)],
    ) -> Result<Self> {
        let mut scene = Scene::begin(stage, name).await?;
        let etcd = data::etcd(harness::etcd::Version::V3_6).await?;
        let server = S3Server::start(&scene.case.bucket).await?;
        scene.case.stores_in_process().await?;
        server.plan().on(Operation::UploadPart).times(1).fails(trouble);
        let mut plan = scene.plan(&etcd).into(&server).with("retries", json!(2));
        for (field, value) in changes {
            plan = plan.with(field, value.clone());
        }
        scene.case.apply(&plan).await?;
        Ok(Self { scene, etcd, server })
    }

    /// Asks for a snapshot and waits until its first part is under way. Gives the name of its Job.
    pub(super) async fn begin(&self) -> Result<String> {
        self.scene.case.ask("first", "prod").await?;
        let sent = async || self.server.plan().count(Operation::UploadPart) > 0;
        wait::until("a part to be sent", PATIENCE, sent).await?;
        let jobs = self.scene.jobs().await?;
        let [job] = &*jobs else {
            bail!("there are {} Jobs", jobs.len())
        };
        Ok(job.name_any())
    }

    /// Waits until that snapshot has succeeded.
    pub(super) async fn succeeded(&self) -> Result<EtcdSnapshotStatus> {
        let snapshot = self.scene.case.succeeded("first").await?;
        Ok(snapshot.status.unwrap_or_default())
    }
}
