//! The statuses of Jobs and pods: what Kubernetes' controllers write there, and read.

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::container::Ended;
use crate::operator::schedule::now;

pub(super) fn owns(job: &Job, pod: &Pod) -> bool {
    pod.owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == job.uid().as_ref())
}

pub(super) fn is_over(job: &Job) -> bool {
    let conditions = job
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|condition| matches!(&*condition.type_, "Complete" | "Failed") && condition.status == "True")
}

pub(super) fn phase(pod: &Pod) -> &str {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase.unwrap_or("Pending")
}

pub(super) fn code(pod: &Pod) -> i32 {
    let statuses = pod
        .status
        .iter()
        .flat_map(|status| status.container_statuses.iter().flatten());
    let ended = statuses.filter_map(|status| status.state.as_ref()?.terminated.as_ref());
    ended.map(|ended| ended.exit_code).next().unwrap_or(255)
}

/// Whether the Job's own policy says that it is not worth another try.
pub(super) fn fails_job(job: &Job, code: i32) -> bool {
    let policy = job
        .spec
        .as_ref()
        .and_then(|spec| spec.pod_failure_policy.as_ref());
    let rules = policy.iter().flat_map(|policy| &policy.rules);
    rules.filter(|rule| rule.action == "FailJob").any(|rule| {
        rule.on_exit_codes
            .as_ref()
            .is_some_and(|on| on.operator == "In" && on.values.contains(&code))
    })
}

pub(super) fn started() -> Value {
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({
        "phase": "Running",
        "containerStatuses": [{
            "name": "agent", "image": "etcd-backup:test", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }],
    })
}

pub(super) fn terminated(how: &Ended) -> Value {
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let (phase, reason) = if how.code == 0 {
        ("Succeeded", "Completed")
    } else {
        ("Failed", "Error")
    };
    json!({
        "phase": phase,
        "containerStatuses": [{
            "name": "agent", "image": "etcd-backup:test", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {
                "exitCode": how.code, "reason": reason, "message": how.message, "startedAt": now, "finishedAt": now,
            }},
        }],
    })
}

fn conditions(kinds: [&str; 2], reason: &str) -> Value {
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": "of the test", "lastProbeTime": now,
            "lastTransitionTime": now,
        })
    };
    json!(kinds.map(condition))
}

pub(super) fn complete(job: &Job) -> Value {
    let now = now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    json!({
        "startTime": job.creation_timestamp(), "completionTime": now, "succeeded": 1,
        "conditions": conditions(["SuccessCriteriaMet", "Complete"], "CompletionsReached"),
    })
}

pub(super) fn given_up(job: &Job, reason: &str) -> Value {
    json!({
        "startTime": job.creation_timestamp(), "failed": 1,
        "conditions": conditions(["FailureTarget", "Failed"], reason),
    })
}
