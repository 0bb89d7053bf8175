//! What the API server is asked about the Jobs of a plan's drills.

use etcd_backup_api::{EtcdBackup, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Client, ResourceExt};

use super::job;
use crate::explain::{is_conflict, is_gone};
use crate::lease::Tenure;
use crate::restore::Restoring;
use crate::restore::cluster::{failed, state};
pub(super) use crate::restore::decide::{FORBIDDEN, JobState, Problem};

/// Makes the Job of the drill that runs, unless it is there, and says how far it is. Jobs of earlier drills go.
pub(super) async fn pursue(
    client: &Client,
    restoring: &Restoring,
    plan: &EtcdBackup,
    tenure: &Tenure,
) -> Result<JobState, Problem> {
    restoring.learn_image(client).await;
    let job = job::job(plan, restoring).map_err(|error| Problem {
        reason: error.reason().to_owned(),
        message: error.to_string(),
    })?;
    let name = job.name_any();
    let (own, earlier): (Vec<Job>, Vec<Job>) = list(client, plan)
        .await?
        .into_iter()
        .partition(|job| job.name_any() == name);
    delete(client, plan, &earlier, tenure).await?;
    let Some(own) = own.first() else {
        fence(tenure)?;
        return match jobs(client, plan).create(&PostParams::default(), &job).await {
            Ok(_) => Ok(JobState::Active(None)),
            // Made before and not seen; or somebody else's, which the next looks do not see either, until the drill's time is
            // up.
            Err(error) if is_conflict(&error) => Ok(JobState::Active(Some(format!(
                "the Job {name} is there, and not yet seen to be this plan's"
            )))),
            Err(error) => Err(failed(&error)),
        };
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &plan.namespace().unwrap_or_default());
    let pods = pods
        .list(&labelled(plan))
        .await
        .map_err(|error| failed(&error))?
        .items;
    let pods: Vec<&Pod> = pods
        .iter()
        .filter(|pod| is_controlled_by(*pod, own.uid()))
        .collect();
    let state = state(own, &pods);
    if state == JobState::Lost {
        // Made again at the next look.
        delete(client, plan, std::slice::from_ref(own), tenure).await?;
    }
    Ok(state)
}

/// Ends every Job of the plan's drills.
pub(super) async fn abandon(client: &Client, plan: &EtcdBackup, tenure: &Tenure) -> Result<(), Problem> {
    let all = list(client, plan).await?;
    delete(client, plan, &all, tenure).await
}

async fn list(client: &Client, plan: &EtcdBackup) -> Result<Vec<Job>, Problem> {
    let listed = jobs(client, plan).list(&labelled(plan)).await;
    let jobs = listed.map_err(|error| failed(&error))?.items;
    // The label alone can be anybody's.
    Ok(jobs
        .into_iter()
        .filter(|job| is_controlled_by(job, plan.uid()))
        .collect())
}

fn labelled(plan: &EtcdBackup) -> ListParams {
    let label = format!("{}={}", labels::DRILL_UID, plan.uid().unwrap_or_default());
    ListParams::default().labels(&label)
}

async fn delete(client: &Client, plan: &EtcdBackup, doomed: &[Job], tenure: &Tenure) -> Result<(), Problem> {
    let api = jobs(client, plan);
    for job in doomed {
        fence(tenure)?;
        match api.delete(&job.name_any(), &DeleteParams::background()).await {
            Ok(_) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(())
}

fn jobs(client: &Client, plan: &EtcdBackup) -> Api<Job> {
    Api::namespaced(client.clone(), &plan.namespace().unwrap_or_default())
}

fn is_controlled_by(object: &impl ResourceExt, uid: Option<String>) -> bool {
    let mut owners = object.owner_references().iter();
    uid.is_some_and(|uid| owners.any(|owner| owner.controller == Some(true) && owner.uid == uid))
}

fn fence(tenure: &Tenure) -> Result<(), Problem> {
    tenure.fence().map_err(|error| Problem {
        reason: "LeadershipLost".to_owned(),
        message: error.to_string(),
    })
}
