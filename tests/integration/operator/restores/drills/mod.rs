//! Drills: what is stored is restored, for no other reason than to see that it can be.

mod alerts;
mod jobs;
mod moments;
mod verdicts;

use std::path::PathBuf;

use anyhow::{Context, Result};
use etcd_backup_api::{EtcdBackup, LastDrill};
use k8s_openapi::api::batch::v1::Job;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::{Value, json};

use super::scene::{Scene, Ward};
use crate::operator::{case::Case, plan::Plan, quiet::value};

/// Every Job of a drill, whatever its name.
const ANY: &str = "";

impl Case {
    /// Waits until a drill of this snapshot is over, and gives what came of it.
    async fn drilled(&self, snapshot: &str) -> Result<LastDrill> {
        let of = |plan: &EtcdBackup| last(plan).filter(|last| last.snapshot == snapshot);
        let plan = self
            .until_plan("prod", format!("a drill of {snapshot}"), |plan| {
                of(plan).is_some()
            })
            .await?;
        of(&plan).context("it is gone")
    }

    /// Waits until a drill of this snapshot runs.
    async fn drilling(&self, snapshot: &str) -> Result<EtcdBackup> {
        let runs = |plan: &EtcdBackup| running(plan).is_some_and(|(running, _)| running == snapshot);
        self.until_plan("prod", format!("{snapshot} to be drilled"), runs)
            .await
    }
}

impl Scene {
    /// Makes the plan `prod` one that drills.
    async fn drill(&self, drill: Value) -> Result<()> {
        let plan = Plan::new("prod", self.subject, &self.case);
        let plan = plan.with("verification", json!("Restore")).with("drill", drill);
        self.case.apply(&plan).await.map(drop)
    }

    fn jobs_api(&self) -> Api<Job> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    /// Names of the Jobs that there are.
    async fn job_names(&self) -> Result<Vec<String>> {
        let jobs = self
            .jobs_api()
            .list(&ListParams::default())
            .await
            .context("list Jobs")?;
        Ok(jobs.iter().map(ResourceExt::name_any).collect())
    }

    /// What the operator counts of this namespace's drills.
    async fn metric(&self, name: &str) -> Result<f64> {
        let text = Ward::shared().await?.operator.metrics().await?;
        let series = format!(
            "etcd_backup_{name}{{namespace=\"{}\",plan=\"prod\"}}",
            self.case.namespace
        );
        value(&text, &series).with_context(|| format!("no {series}"))
    }

    /// The object of the snapshot that a drill restores, in the directory that is the bucket.
    fn object(&self, plan: &EtcdBackup) -> Result<PathBuf> {
        let (_, key) = running(plan).context("no drill runs")?;
        Ok(self.case.folder.join("backups").join(key))
    }
}

fn last(plan: &EtcdBackup) -> Option<LastDrill> {
    plan.status.as_ref()?.drill.as_ref()?.last.clone()
}

/// Snapshot and key of the drill that runs.
fn running(plan: &EtcdBackup) -> Option<(String, String)> {
    let running = plan.status.as_ref()?.drill.as_ref()?.running.as_ref()?;
    Some((running.snapshot.clone(), running.source.key.clone()))
}
