//! What the API server is asked about the Jobs of a plan's drills.

use etcd_backup_api::{EtcdBackup, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Client, ResourceExt};

use super::job;
use crate::explain::{is_conflict, is_gone};
use crate::jobs::seen::{JobState, Problem, failed, state};
use crate::jobs::wait::Wait;
use crate::jobs::{JobPolicy, Listener};
use crate::lease::Tenure;

/// What gives the rights that drills need.
const COMPONENT: &str = "config/components/jobs";

/// Makes the Job of the drill that runs, unless it is there, and says how far it is. Jobs of earlier drills go.
pub(super) async fn pursue(
    client: &Client,
    listener: &Listener,
    job_policy: &JobPolicy,
    plan: &EtcdBackup,
    tenure: &Tenure,
) -> Result<JobState, Problem> {
    job_policy.learn_image(client).await;
    let job = job::job(plan, job_policy).map_err(|error| Problem {
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
            Ok(_) => Ok(JobState::active(None)),
            // Made before and not seen; or somebody else's, which the next looks do not see either, until the drill's time is
            // up.
            Err(error) if is_conflict(&error) => Ok(JobState::active(Some(Wait {
                reason: "AlreadyExists".to_owned(),
                message: format!("the Job {name} is there, and not yet seen to be this plan's"),
            }))),
            Err(error) => Err(failed(&error, COMPONENT)),
        };
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &plan.namespace().unwrap_or_default());
    let pods = pods
        .list(&labelled(plan))
        .await
        .map_err(|error| failed(&error, COMPONENT))?
        .items;
    let pods: Vec<&Pod> = pods
        .iter()
        .filter(|pod| is_controlled_by(*pod, own.uid()))
        .collect();
    let mut state = state(own, &pods);
    match &mut state {
        // Made again at the next look.
        JobState::Lost => delete(client, plan, std::slice::from_ref(own), tenure).await?,
        JobState::Active { said, .. } => *said = pods.iter().find_map(|pod| listener.hear(pod)),
        JobState::Complete(_) | JobState::Failed(_) => {}
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
    let jobs = listed.map_err(|error| failed(&error, COMPONENT))?.items;
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
            Err(error) => return Err(failed(&error, COMPONENT)),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agent::AgentResult;

    /// What a pod with an etcd says: each container's state, in the order in which they are started.
    fn said(condition: &str, restore: &Value, etcd: &Value, agent: &Value) -> JobState {
        let status = |name: &str, state: &Value| json!({"name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state});
        let pod = json!({"metadata": {"name": "pod"}, "status": {
            "initContainerStatuses": [status("restore", restore), status("etcd", etcd)],
            "containerStatuses": [status("agent", agent)],
        }});
        let job = json!({"status": {"conditions": [{"type": condition, "status": "True", "reason": "BackoffLimitExceeded"}]}});
        let pod = serde_json::from_value(pod).unwrap();
        state(&serde_json::from_value(job).unwrap(), &[&pod])
    }

    fn ended(code: i32, reason: &str, message: &str) -> Value {
        json!({"terminated": {"exitCode": code, "reason": reason, "message": message}})
    }

    fn waits(reason: &str) -> Value {
        json!({"waiting": {"reason": reason}})
    }

    #[test]
    fn the_first_container_that_failed_says_why() {
        let failed =
            |restore: &Value, agent: &Value| match said("Failed", restore, &ended(0, "Completed", ""), agent)
            {
                JobState::Failed(problem) => problem.reason,
                other => panic!("{other:?}"),
            };
        let word = r#"{"result":"Failed","reason":"Integrity","message":"it is damaged"}"#;
        let (behind, well) = (waits("PodInitializing"), ended(0, "Completed", ""));
        assert_eq!(failed(&ended(10, "Error", word), &behind), "Integrity");
        assert_eq!(failed(&ended(137, "OOMKilled", ""), &behind), "OOMKilled");
        assert_eq!(failed(&well, &ended(10, "Error", word)), "Integrity");
        assert_eq!(failed(&well, &ended(137, "OOMKilled", "")), "OOMKilled");
        assert_eq!(failed(&well, &behind), "BackoffLimitExceeded");
    }

    #[test]
    fn the_one_that_asks_says_what_was_proved_and_not_the_one_before() {
        let word = r#"{"result":"Drilled","revision":7,"compared":true,"etcd":"3.6.14"}"#;
        let restored = ended(0, "Completed", r#"{"result":"Drilled","revision":7}"#);
        let state = said(
            "Complete",
            &restored,
            &ended(137, "Error", ""),
            &ended(0, "Completed", word),
        );
        let JobState::Complete(Some(AgentResult::Drilled { etcd, .. })) = state else {
            panic!("{state:?}");
        };
        assert_eq!(etcd.as_deref(), Some("3.6.14"));
    }

    #[test]
    fn what_is_waited_for_is_what_the_others_wait_behind() {
        let well = ended(0, "Completed", "");
        let reason = |state| match state {
            JobState::Active {
                waits: Some(wait), ..
            } => wait.reason,
            other => panic!("{other:?}"),
        };
        let state = said(
            "Other",
            &well,
            &waits("ImagePullBackOff"),
            &waits("PodInitializing"),
        );
        assert_eq!(reason(state), "ImagePullBackOff");
        let state = said(
            "Other",
            &waits("PodInitializing"),
            &waits("PodInitializing"),
            &waits("PodInitializing"),
        );
        assert_eq!(reason(state), "PodInitializing");
    }
}
