//! What runs Jobs where Kubernetes has no nodes: as much of the Job controller, the kubelet and the garbage collector as a
//! restore can notice.
//!
//! Each Job that somebody made gets a pod of its own template; the pod's container runs as a process ([`Container`]); how it
//! ended is written into the pod's status and then the Job's as those controllers write it, and as the API server checks it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt, stream::BoxStream};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{Pod, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle, time::sleep};

use super::{
    changes::changes,
    container::Container,
    disk::Disk,
    statuses::{code, complete, fails_job, given_up, is_over, owns, phase, started, terminated},
};

/// Between two looks at Jobs, pods and processes.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs the Jobs of a namespace until it is dropped.
pub(in crate::operator) struct Kubelet {
    node: Arc<Node>,
    work: JoinHandle<()>,
}

struct Node {
    jobs: Api<Job>,
    pods: Api<Pod>,
    secrets: Api<Secret>,
    disk: Arc<Disk>,
    /// Ends of names of Jobs whose pods are not placed.
    held: Mutex<BTreeSet<String>>,
    /// Ends of names of Jobs whose containers are to be killed.
    doomed: Mutex<BTreeSet<String>>,
    /// One of them has changed.
    told: Notify,
}

impl Kubelet {
    pub(in crate::operator) fn start(client: &Client, namespace: &str, disk: &Arc<Disk>) -> Self {
        let node = Arc::new(Node {
            jobs: Api::namespaced(client.clone(), namespace),
            pods: Api::namespaced(client.clone(), namespace),
            secrets: Api::namespaced(client.clone(), namespace),
            disk: Arc::clone(disk),
            held: Mutex::default(),
            doomed: Mutex::default(),
            told: Notify::new(),
        });
        let own = Arc::clone(&node);
        let mut changes = changes(client, namespace);
        let work = tokio::spawn(async move {
            let mut running = HashMap::new();
            loop {
                let well = own.turn(&mut running).await;
                sleep(PAUSE).await;
                if well {
                    own.until_news(&mut changes, &mut running).await;
                }
            }
        });
        Self { node, work }
    }

    /// No node has room for the pods of Jobs whose names end so, such as `-prepare-2`.
    pub(in crate::operator) fn hold(&self, job: &str) {
        self.node.held().insert(job.to_owned());
        self.node.told.notify_one();
    }

    /// Kills the container of the Jobs whose names end so, as a node that runs out of memory does.
    pub(in crate::operator) fn kill(&self, job: &str) {
        self.node.doomed().insert(job.to_owned());
        self.node.told.notify_one();
    }

    /// Now there is room for the pods of those Jobs alone.
    pub(in crate::operator) fn admit(&self, job: &str) {
        self.node.held().remove(job);
        self.node.told.notify_one();
    }

    /// Now there is room.
    pub(in crate::operator) fn release(&self) {
        self.node.held().clear();
        self.node.told.notify_one();
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.work.abort();
    }
}

impl Node {
    fn held(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn doomed(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::print_stderr, reason = "a failed test shows what was known")]
    async fn turn(&self, running: &mut HashMap<String, Container>) -> bool {
        let looked = self.look(running).await;
        if let Err(error) = &looked {
            eprintln!("the kubelet of the test: {error:#}");
        }
        looked.is_ok()
    }

    /// Waits until something is to be done: an object has changed, somebody said something else, or a container has ended.
    async fn until_news(
        &self,
        changes: &mut BoxStream<'static, ()>,
        running: &mut HashMap<String, Container>,
    ) {
        loop {
            tokio::select! {
                _ = changes.next() => break,
                () = self.told.notified() => break,
                () = sleep(PAUSE) => {
                    if running.values_mut().any(|container| container.process.ended().is_some()) {
                        return;
                    }
                }
            }
        }
        // One look is enough for all that has changed until then.
        while changes.next().now_or_never().is_some() {}
    }

    async fn look(&self, running: &mut HashMap<String, Container>) -> Result<()> {
        let all = ListParams::default();
        let pods = self.pods.list(&all).await.context("list pods")?.items;
        let jobs = self.jobs.list(&all).await.context("list Jobs")?.items;
        for pod in &pods {
            let of_job = pod.owner_references().iter().any(|owner| owner.kind == "Job");
            if of_job && !jobs.iter().any(|job| owns(job, pod)) {
                running.remove(&pod.name_any());
                let now = DeleteParams::default().grace_period(0);
                self.pods
                    .delete(&pod.name_any(), &now)
                    .await
                    .context("collect a pod")?;
            }
        }
        let mut ended = Vec::new();
        let doomed = self.doomed().clone();
        for (name, container) in &mut *running {
            let job = jobs.iter().find(|job| name.starts_with(&job.name_any()));
            if job.is_some_and(|job| doomed.iter().any(|end| job.name_any().ends_with(end))) {
                container.process.kill()?;
            }
            ended.extend(container.ended().map(|how| (name.clone(), how)));
        }
        let news = !ended.is_empty();
        for (name, how) in ended {
            self.status(&name, &terminated(&how)).await?;
            running.remove(&name);
        }
        if news {
            // What was listed does not say so yet.
            return Ok(());
        }
        for job in jobs.iter().filter(|job| !is_over(job)) {
            let own: Vec<&Pod> = pods.iter().filter(|pod| owns(job, pod)).collect();
            self.control(job, &own, running).await?;
        }
        Ok(())
    }

    async fn control(&self, job: &Job, own: &[&Pod], running: &mut HashMap<String, Container>) -> Result<()> {
        let spec = job.spec.as_ref().context("a Job without a specification")?;
        if own.iter().any(|pod| phase(pod) == "Succeeded") {
            return self.finish(job, complete(job)).await;
        }
        let failed: Vec<i32> = own
            .iter()
            .filter(|pod| phase(pod) == "Failed")
            .map(|pod| code(pod))
            .collect();
        if failed.iter().any(|code| fails_job(job, *code)) {
            return self.finish(job, given_up(job, "PodFailurePolicy")).await;
        }
        if failed.len() > usize::try_from(spec.backoff_limit.unwrap_or(6))? {
            return self.finish(job, given_up(job, "BackoffLimitExceeded")).await;
        }
        let active = own
            .iter()
            .find(|pod| !matches!(phase(pod), "Succeeded" | "Failed"));
        let Some(pod) = active else {
            return self.create(job, own.len()).await;
        };
        let (name, held) = (pod.name_any(), self.held().clone());
        if running.contains_key(&name) || held.iter().any(|end| job.name_any().ends_with(end)) {
            return Ok(());
        }
        let spec = pod.spec.as_ref().context("a pod without a specification")?;
        let container = Container::start(spec, None, &self.secrets, &self.disk).await?;
        running.insert(name.clone(), container);
        self.status(&name, &started()).await
    }

    async fn create(&self, job: &Job, number: usize) -> Result<()> {
        let template = job.spec.as_ref().map(|spec| spec.template.clone());
        let template = template.context("a Job without a template")?;
        let pod = Pod {
            metadata: ObjectMeta {
                name: Some(format!("{}-{number}", job.name_any())),
                labels: template.metadata.and_then(|metadata| metadata.labels),
                owner_references: job.controller_owner_ref(&()).map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: template.spec,
            status: None,
        };
        self.pods
            .create(&PostParams::default(), &pod)
            .await
            .context("create a pod")?;
        Ok(())
    }

    async fn status(&self, pod: &str, status: &Value) -> Result<()> {
        let patch = Patch::Merge(json!({"status": status}));
        self.pods
            .patch_status(pod, &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("say how {pod} is"))?;
        Ok(())
    }

    async fn finish(&self, job: &Job, status: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"status": status}));
        self.jobs
            .patch_status(&job.name_any(), &PatchParams::default(), &patch)
            .await
            .with_context(|| format!("say how {} is", job.name_any()))?;
        Ok(())
    }
}
