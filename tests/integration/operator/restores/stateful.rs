//! A StatefulSet's members: stopped, restored, started, asked. Its controller does not run here, so the test does what that
//! does.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use harness::ports;
use k8s_openapi::api::{apps::v1::StatefulSet, core::v1::Pod};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::time::sleep;

use super::{
    members::{Members, Place},
    scene::Scene,
};

/// Runs the pods of the StatefulSet `etcd`: each a real etcd on its claim.
struct Set {
    sets: Api<StatefulSet>,
    pods: Api<Pod>,
    places: Vec<Place>,
    clients: Vec<u16>,
}

impl Set {
    #[expect(clippy::print_stderr, reason = "a failed test shows what was known")]
    async fn control(&self) {
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
        if replicas > 0 && running.is_none() {
            for (name, ..) in &self.places {
                self.pods
                    .create(&PostParams::default(), &pod(&set, name)?)
                    .await?;
            }
            *running = Some(Members::start_at(&self.places, &self.clients, "old", "new").await?);
        }
        let status = json!({"status": {
            "observedGeneration": set.metadata.generation, "replicas": replicas, "readyReplicas": replicas,
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

fn stateful_set() -> serde_json::Value {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_statefulset_is_stopped_restored_started_and_found_to_agree() -> Result<()> {
    let scene = Scene::begin("restore-set").await?;
    scene.admit_everything()?;
    scene.case.take("before", "prod").await?;
    let data = |index: usize| -> PathBuf { scene.disk.claim(&format!("data-etcd-{index}")) };
    let places: Vec<Place> = scene
        .peers
        .iter()
        .enumerate()
        .map(|(index, peer)| (format!("etcd-{index}"), *peer, data(index)))
        .collect();
    let clients: Vec<u16> = (0..3).map(|_| ports::free()).collect::<Result<_>>()?;
    let sets: Api<StatefulSet> = Api::namespaced(scene.case.client.clone(), &scene.case.namespace);
    sets.create(&PostParams::default(), &serde_json::from_value(stateful_set())?)
        .await?;
    let set = Set {
        sets,
        pods: Api::namespaced(scene.case.client.clone(), &scene.case.namespace),
        places,
        clients,
    };
    tokio::select! {
        () = set.control() => bail!("the controller ended"),
        done = restored(&scene, &set) => done?,
    }
    scene.finish().await
}

/// Restores the running StatefulSet.
async fn restored(scene: &Scene, set: &Set) -> Result<()> {
    let running = async || {
        let now = set.sets.get("etcd").await.context("get the StatefulSet")?;
        let ready = now.status.and_then(|status| status.ready_replicas);
        ensure!(ready == Some(3), "{ready:?} are ready");
        Ok(())
    };
    harness::wait::until_ok("the old cluster to run", Duration::from_secs(90), running).await?;

    let endpoints: Vec<_> = set
        .clients
        .iter()
        .map(|port| format!("http://127.0.0.1:{port}"))
        .collect();
    let members: Vec<_> = set
        .places
        .iter()
        .map(|(name, peer, _)| json!({"name": name, "peerURLs": [format!("http://127.0.0.1:{peer}")]}))
        .collect();
    let spec = json!({
        "source": {"snapshotName": "before"}, "existingData": "ReplaceAside", "members": members,
        "statefulSet": {"name": "etcd"}, "verify": {"etcd": {"endpoints": endpoints}},
    });
    let created = scene.create("whole-set", &spec).await?;
    let status = scene.succeeded("whole-set").await?;
    let message = status.message.clone().unwrap_or_default();
    ensure!(
        message.contains("3 members answer") && message.contains("what was restored"),
        "{message}"
    );
    let pinned = status.stateful_set.context("no StatefulSet was pinned")?;
    ensure!(
        pinned.replicas == 3 && pinned.run_as_user == Some(1001),
        "{pinned:?}"
    );
    let jobs = scene.jobs("prepare", 3).await?;
    let user = jobs[0].spec.as_ref().and_then(|spec| {
        spec.template
            .spec
            .as_ref()?
            .security_context
            .as_ref()?
            .run_as_user
    });
    ensure!(user == Some(1001), "the pods run as {user:?}");
    let uid = created.uid().context("no UID")?;
    let aside = format!("member.replaced-{}", &uid.replace('-', "")[..8]);
    for (name, _, data) in &set.places {
        ensure!(
            data.join(&aside).join("snap/db").is_file(),
            "nothing of {name} went aside"
        );
    }
    Members::at(&set.clients).hold_what(&scene.ward.subject).await
}
