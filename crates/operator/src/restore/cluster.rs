//! What the API server shows of a restore's Jobs and pods.

use etcd_backup_api::{EtcdRestore, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, Resource, ResourceExt};

use super::job::{MEMBER, STEP, name};
use crate::agent::Step;
use crate::jobs::seen::{JobState, Problem, failed, has_ended, state};
use crate::jobs::{Listener, wait};

/// What gives the rights that a restore needs.
pub(super) const COMPONENT: &str = "config/components/restore";

/// A Job of a restore.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenJob {
    /// What it does.
    pub step: Step,
    /// For which member.
    pub index: usize,
    /// How far it is.
    pub state: JobState,
}

/// A restore's Jobs, and which steps still have a pod that may be writing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// The Jobs.
    pub jobs: Vec<SeenJob>,
    /// Steps and members whose pods have not ended.
    pub running: Vec<(Step, usize)>,
}

/// Lists both.
pub(super) async fn look(
    client: &Client,
    listener: &Listener,
    restore: &EtcdRestore,
) -> Result<Work, Problem> {
    let namespace = restore.namespace().unwrap_or_default();
    let uid = restore.uid().unwrap_or_default();
    let own = ListParams::default().labels(&format!("{}={uid}", labels::RESTORE_UID));
    let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
    let jobs = jobs.list(&own).await.map_err(|error| failed(&error, COMPONENT))?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    let pods = pods
        .list(&own)
        .await
        .map_err(|error| failed(&error, COMPONENT))?
        .items;
    let mut seen = Vec::new();
    for job in &jobs.items {
        let Some(mut one) = self::seen(restore, job, &pods) else {
            continue;
        };
        if let JobState::Active { waits, said } = &mut one.state {
            let mut alive = pods.iter().filter(|pod| !has_ended(pod));
            let pod = alive.find(|pod| of(*pod) == Some((one.step, one.index)));
            *said = pod.and_then(|pod| listener.hear(pod));
            *waits = wait::with_events(client, &namespace, job, pod, waits.take()).await;
        }
        seen.push(one);
    }
    Ok(Work {
        jobs: seen,
        running: pods.iter().filter(|pod| !has_ended(pod)).filter_map(of).collect(),
    })
}

fn of<K: Resource>(object: &K) -> Option<(Step, usize)> {
    let step = Step::of(object.labels().get(STEP)?)?;
    Some((step, object.labels().get(MEMBER)?.parse().ok()?))
}

fn seen(restore: &EtcdRestore, job: &Job, pods: &[Pod]) -> Option<SeenJob> {
    let (step, index) = of(job)?;
    let controlled = job
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == restore.uid().as_ref());
    // The label alone can be anybody's.
    if !controlled || job.name_any() != name(restore, step, index) {
        return None;
    }
    let own: Vec<&Pod> = pods
        .iter()
        .filter(|pod| of(*pod) == Some((step, index)))
        .collect();
    Some(SeenJob {
        step,
        index,
        state: state(job, &own),
    })
}
