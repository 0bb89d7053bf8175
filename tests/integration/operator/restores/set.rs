//! A StatefulSet whose controller does not run here: what that does, a test does.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{ports, wait};
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    members::{Members, Place},
    scene::Scene,
};
use crate::operator::outcome::PATIENCE;

/// Runs the pods of the StatefulSet `etcd`: each a real etcd on its claim.
pub(super) struct Set {
    pub(super) places: Vec<Place>,
    pub(super) clients: Vec<u16>,
    sets: Api<StatefulSet>,
    pods: Api<Pod>,
    /// No node has room for its pods.
    held: AtomicBool,
}

impl Set {
    /// Creates it, with three replicas. Its pods are no restricted ones.
    pub(super) async fn create(scene: &Scene) -> Result<Self> {
        scene.case.admit(None).await?;
        let data = |index: usize| -> PathBuf { scene.disk.claim(&format!("data-etcd-{index}")) };
        let places: Vec<Place> = scene
            .peers
            .iter()
            .enumerate()
            .map(|(index, peer)| (format!("etcd-{index}"), *peer, data(index)))
            .collect();
        let sets: Api<StatefulSet> = Api::namespaced(scene.case.client.clone(), &scene.case.namespace);
        sets.create(&PostParams::default(), &serde_json::from_value(stateful_set())?)
            .await?;
        Ok(Self {
            places,
            clients: (0..3).map(|_| ports::free()).collect::<Result<_>>()?,
            sets,
            pods: Api::namespaced(scene.case.client.clone(), &scene.case.namespace),
            held: AtomicBool::new(false),
        })
    }

    /// Where clients reach its members.
    pub(super) fn endpoints(&self) -> Vec<String> {
        self.clients
            .iter()
            .map(|port| format!("http://127.0.0.1:{port}"))
            .collect()
    }

    /// A restore of the snapshot `before` into it.
    pub(super) fn restore(&self) -> Value {
        let member =
            |(name, peer, _): &Place| json!({"name": name, "peerURLs": [format!("http://127.0.0.1:{peer}")]});
        json!({
            "source": {"snapshotName": "before"}, "existingData": "ReplaceAside",
            "members": self.places.iter().map(member).collect::<Vec<_>>(),
            "statefulSet": {"name": "etcd"}, "verify": {"etcd": {"endpoints": self.endpoints()}},
        })
    }

    /// From now on no pod is started.
    pub(super) fn hold(&self) {
        self.held.store(true, Ordering::Relaxed);
    }

    /// Now they are.
    pub(super) fn release(&self) {
        self.held.store(false, Ordering::Relaxed);
    }

    /// Waits until all its pods are ready.
    pub(super) async fn runs(&self) -> Result<()> {
        let running = async || {
            let now = self.sets.get("etcd").await.context("get the StatefulSet")?;
            let ready = now.status.and_then(|status| status.ready_replicas);
            ensure!(ready == Some(3), "{ready:?} are ready");
            Ok(())
        };
        wait::until_ok("the StatefulSet's cluster to run", PATIENCE, running).await
    }

    /// Waits until somebody has scaled it so.
    pub(super) async fn is_scaled_to(&self, replicas: i32) -> Result<()> {
        let scaled = async || {
            let now = self.sets.get("etcd").await.context("get the StatefulSet")?;
            let wanted = now.spec.and_then(|spec| spec.replicas);
            ensure!(wanted == Some(replicas), "it is to have {wanted:?}");
            Ok(())
        };
        wait::until_ok(format!("{replicas} replicas"), PATIENCE, scaled).await
    }

    #[expect(clippy::print_stderr, reason = "a failed test shows what was known")]
    /// Does what its controller and the kubelet do, until it is dropped.
    pub(super) async fn control(&self) {
        let mut running = None;
        loop {
            if let Err(error) = self.turn(&mut running).await {
                eprintln!("the StatefulSet of the test: {error:#}");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn turn(&self, running: &mut Option<Members>) -> Result<()> {
        let set = self.sets.get("etcd").await?;
        let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        if replicas == 0 && running.is_some() {
            // As the kubelet: the process first, then the pod.
            *running = None;
            for (name, ..) in &self.places {
                let now = DeleteParams::default().grace_period(0);
                self.pods.delete(name, &now).await?;
            }
        }
        if replicas > 0 && running.is_none() && !self.held.load(Ordering::Relaxed) {
            for (name, ..) in &self.places {
                self.pods
                    .create(&PostParams::default(), &pod(&set, name)?)
                    .await?;
            }
            *running = Some(Members::start_at(&self.places, &self.clients, "old", "new").await?);
        }
        let ready = if running.is_some() { replicas } else { 0 };
        let status = json!({"status": {
            "observedGeneration": set.metadata.generation, "replicas": replicas, "readyReplicas": ready,
        }});
        let patch = Patch::Merge(status);
        self.sets
            .patch_status("etcd", &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}

fn pod(set: &StatefulSet, name: &str) -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "metadata": {
            "name": name, "labels": {"app": "etcd"}, "ownerReferences": [set.controller_owner_ref(&())],
        },
        "spec": {"containers": [{"name": "etcd", "image": "etcd"}]},
    }))?)
}

fn stateful_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "etcd"},
        "spec": {
            "replicas": 3, "serviceName": "etcd", "selector": {"matchLabels": {"app": "etcd"}},
            "template": {
                "metadata": {"labels": {"app": "etcd"}},
                "spec": {"containers": [{"name": "etcd", "image": "etcd"}], "securityContext": {"runAsUser": 1001}},
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }],
        },
    })
}
