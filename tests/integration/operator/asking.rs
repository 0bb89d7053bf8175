//! What tests ask for: plans, snapshots, pins, and changes to them.

use anyhow::{Context, Result};
use etcd_backup_api::{EtcdBackup, EtcdSnapshot, labels};
use kube::{
    ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{case::Case, plan::Plan};

impl Case {
    /// Applies a plan, as strictly as kubectl does.
    pub(super) async fn apply(&self, plan: &Plan) -> Result<EtcdBackup> {
        let params = applied().validation_strict();
        let applied = self
            .plans()
            .patch(plan.name(), &params, &Patch::Apply(&plan.0))
            .await;
        applied.with_context(|| format!("apply the plan {}", plan.name()))
    }

    /// Changes a plan.
    pub(super) async fn edit(&self, plan: &str, change: Value) -> Result<EtcdBackup> {
        let edited = self
            .plans()
            .patch(plan, &PatchParams::default(), &Patch::Merge(&change))
            .await;
        edited.with_context(|| format!("edit the plan {plan}"))
    }

    /// Writes into a plan's status by hand.
    pub(super) async fn edit_status(&self, plan: &str, status: Value) -> Result<()> {
        let change = json!({"status": status});
        let edited = self
            .plans()
            .patch_status(plan, &PatchParams::default(), &Patch::Merge(&change))
            .await;
        edited.map(drop).context("edit a plan's status")
    }

    /// Asks for a snapshot by creating its object.
    pub(super) async fn ask(&self, name: &str, plan: &str) -> Result<()> {
        self.ask_with(name, json!({"backupName": plan})).await
    }

    /// The same, with the whole specification.
    pub(super) async fn ask_with(&self, name: &str, spec: Value) -> Result<()> {
        let snapshot = json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdSnapshot", "metadata": {"name": name}, "spec": spec,
        });
        let params = applied().validation_strict();
        let asked = self
            .snapshots()
            .patch(name, &params, &Patch::Apply(&snapshot))
            .await;
        asked
            .map(drop)
            .with_context(|| format!("ask for the snapshot {name}"))
    }

    /// Pins a snapshot, and waits until the operator knows.
    pub(super) async fn pin(&self, name: &str) -> Result<()> {
        let change = json!({"spec": {"pin": true}});
        self.snapshots()
            .patch(name, &PatchParams::default(), &Patch::Merge(&change))
            .await
            .with_context(|| format!("pin {name}"))?;
        let held = |snapshot: &EtcdSnapshot| snapshot.finalizers().iter().any(|one| one == labels::FINALIZER);
        self.until_snapshot(name, "it to be held", held).await.map(drop)
    }

    /// Lets a snapshot go that was pinned.
    pub(super) async fn unpin(&self, name: &str) -> Result<()> {
        let change = json!({"spec": {"pin": false}});
        let unpinned = self
            .snapshots()
            .patch(name, &PatchParams::default(), &Patch::Merge(&change))
            .await;
        unpinned.map(drop).with_context(|| format!("unpin {name}"))
    }

    /// Asks for a snapshot by annotating the plan.
    pub(super) async fn run_now(&self, plan: &str, token: &str) -> Result<()> {
        self.annotate(plan, labels::RUN_NOW, token).await
    }

    pub(super) async fn annotate(&self, plan: &str, annotation: &str, value: &str) -> Result<()> {
        let change = json!({"metadata": {"annotations": {annotation: value}}});
        self.edit(plan, change).await.map(drop)
    }

    /// Asks for a snapshot and waits until it is there.
    pub(super) async fn take(&self, name: &str, plan: &str) -> Result<EtcdSnapshot> {
        self.ask(name, plan).await?;
        self.succeeded(name).await
    }
}

/// As kubectl applies.
pub(super) fn applied() -> PatchParams {
    PatchParams::apply("integration-tests").force()
}
