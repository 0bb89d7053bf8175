//! What the Job of an attempt is like, and how it is read.

mod edited;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::build::{SpoolOfPods, job};
use super::job_name;
use super::result::{is_location, own};
use super::seen::{Ended, Seen, judge, storage_of};
use super::waits::Waits;
use crate::agent::{AgentResult, SnapshotTask, TASK_VARIABLE};
use crate::fixtures::{self, plan};
use crate::jobs::JobPolicy;
use crate::jobs::wait::Wait;
use crate::runs::{RunRequest, SnapshotId, Taken, Trigger};

fn request(changes: Value) -> RunRequest {
    let mut spec = json!({
        "etcd": {"tls": {"secretName": "etcd-tls"}, "auth": {"secretName": "login"}},
        "storage": {"s3": {"credentials": {"secretName": "keys"}}},
        "runner": {"type": "Job", "job": {"hostNetwork": true, "nodeSelector": {"role": "control-plane"}}},
    });
    crate::fixtures::merge(&mut spec, changes);
    RunRequest {
        snapshot: SnapshotId {
            namespace: "ns".into(),
            name: "prod-1".into(),
            uid: "0a1b2c3d-4e5f".into(),
        },
        plan: Arc::new(plan(json!({
            "spec": spec,
            "status": {"etcd": {"clusterID": "000000000000000a"}, "snapshots": 7},
        }))),
        scheduled: None,
        trigger: Trigger::Manual,
        attempt: 2,
        deadline: Duration::from_hours(2),
        adopt: false,
    }
}

fn built(changes: Value) -> Value {
    let job_policy = JobPolicy {
        jobs: true,
        image: OnceLock::from("registry/etcd-backup:v1".to_owned()),
        ..JobPolicy::default()
    };
    let spool = SpoolOfPods {
        memory: 1 << 20,
        disk: 0,
    };
    let job = job(&request(changes), "cluster-uid".to_owned(), &job_policy, spool).unwrap();
    serde_json::to_value(job).unwrap()
}

#[test]
fn an_attempt_has_one_job_with_one_pod_that_is_never_replaced() {
    let job = built(json!({}));
    assert_eq!(job["metadata"]["name"], job_name("prod-1", "0a1b2c3d-4e5f", 2));
    assert_eq!(job["metadata"]["name"], "prod-1-0a1b2c3d-attempt-2");
    assert_eq!(job["spec"]["backoffLimit"], 0);
    assert!(job["spec"].get("podFailurePolicy").is_none());
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 7200);
    let owner = &job["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"], &owner["controller"]),
        (&json!("EtcdSnapshot"), &json!("0a1b2c3d-4e5f"), &json!(true))
    );
}

#[test]
fn the_pod_has_the_shape_that_the_plan_names_and_no_token() {
    let job = built(json!({}));
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["hostNetwork"], true);
    assert_eq!(pod["nodeSelector"], json!({"role": "control-plane"}));
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["containers"][0]["args"], json!(["agent", "snapshot"]));
}

#[test]
fn secrets_of_both_ends_are_mounted_and_the_task_holds_names_alone() {
    let job = built(json!({}));
    let volumes = job["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let names: Vec<&str> = volumes
        .iter()
        .filter_map(|volume| volume["secret"]["secretName"].as_str())
        .collect();
    assert_eq!(names, ["etcd-tls", "keys", "login"]);
    let env = job["spec"]["template"]["spec"]["containers"][0]["env"]
        .as_array()
        .unwrap();
    assert_eq!((env.len(), &env[0]["name"]), (1, &json!(TASK_VARIABLE)));
    let task = SnapshotTask::parse(env[0]["value"].as_str().unwrap()).unwrap();
    assert_eq!((task.attempt, task.kubernetes_uid.as_str()), (2, "cluster-uid"));
    assert_eq!(task.plan.metadata.uid.as_deref(), Some("plan-uid"));
    assert_eq!(task.plan.metadata.resource_version, None);
    let status = task.plan.status.unwrap();
    assert_eq!(
        (status.etcd.unwrap().cluster_id.as_str(), status.snapshots),
        ("000000000000000a", None)
    );
}

#[test]
fn a_store_that_is_a_directory_is_mounted_for_writing_where_its_path_says() {
    let job = built(json!({
        "storage": {"s3": null, "local": {"path": "/backups/prod"}},
        "runner": {"job": {"localStore": {"claimName": "backups"}}},
    }));
    let pod = &job["spec"]["template"]["spec"];
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let store = mounts.iter().find(|mount| mount["name"] == "store").unwrap();
    assert_eq!(store["mountPath"], "/backups/prod");
    assert!(store.get("readOnly").is_none());
}

fn seen(conditions: &Value, pod: Option<Value>) -> Seen {
    let job: Job =
        serde_json::from_value(json!({"metadata": {"name": "j"}, "status": {"conditions": conditions}}))
            .unwrap();
    let pods: Vec<Pod> = pod
        .into_iter()
        .map(|status| serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap())
        .collect();
    judge(&job, &pods)
}

fn ended(code: i32, reason: &str, message: Option<&str>) -> Value {
    let terminated = json!({"exitCode": code, "reason": reason, "message": message});
    json!({"containerStatuses": [{
        "name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": terminated},
    }]})
}

fn waiting(reason: &str) -> Value {
    json!({"containerStatuses": [{
        "name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": "said why"}},
    }]})
}

#[test]
fn what_the_agent_said_counts_and_its_exit_code_says_whether_to_try_again() {
    let failed = json!([{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]);
    let said = AgentResult::Failed {
        reason: "NoSuchBucket".into(),
        message: "it is gone".into(),
        stage: None,
    };
    let text = said.encode();
    assert_eq!(
        seen(&failed, Some(ended(1, "Error", Some(&text)))),
        Seen::Said(said.clone(), Ended { transient: true })
    );
    assert_eq!(
        seen(&failed, Some(ended(10, "Error", Some(&text)))),
        Seen::Said(said, Ended { transient: false })
    );
}

#[test]
fn a_pod_that_died_without_a_word_is_told_as_kubernetes_tells_it() {
    let failed =
        || json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "too long"}]);
    let reason = |seen: Seen| match seen {
        Seen::Silent(failure) => (failure.reason, failure.transient),
        other => panic!("{other:?}"),
    };
    let killed = ended(137, "OOMKilled", None);
    assert_eq!(reason(seen(&failed(), Some(killed))), ("OOMKilled".into(), true));
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"});
    assert_eq!(reason(seen(&failed(), Some(evicted))), ("Evicted".into(), true));
    assert_eq!(reason(seen(&failed(), None)), ("DeadlineExceeded".into(), true));
    // What its log ended with is no result.
    let log = ended(101, "Error", Some("thread panicked"));
    assert_eq!(reason(seen(&failed(), Some(log))), ("Error".into(), true));
}

#[test]
fn a_job_that_failed_is_not_over_before_its_pod_is() {
    let failed = || json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]);
    let running = json!({"phase": "Running", "containerStatuses": [{
        "name": "agent", "image": "", "imageID": "", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-11-23T06:00:00Z"}},
    }]});
    assert_eq!(seen(&failed(), Some(running)), Seen::Active(None, None));
    assert!(matches!(
        seen(&failed(), Some(json!({"phase": "Failed"}))),
        Seen::Silent(_)
    ));
}

#[test]
fn a_pod_that_its_node_lost_is_told_apart_while_its_job_is_not_over() {
    let lost = json!({
        "phase": "Pending", "conditions": [{"type": "PodReadyToStartContainers", "status": "False"}],
        "containerStatuses": [{
            "name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "containerID": "containerd://1", "state": {"waiting": {}},
        }],
    });
    assert!(matches!(seen(&json!([]), Some(lost.clone())), Seen::Lost(_)));
    let failed = json!([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]);
    assert!(!matches!(seen(&failed, Some(lost)), Seen::Lost(_)));
}

#[test]
fn what_a_pod_waits_for_is_told_by_reason() {
    let reason = |status: Value| match seen(&json!([]), Some(status)) {
        Seen::Active(wait, _) => wait.map(|wait| wait.reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(waiting("ImagePullBackOff")).as_deref(),
        Some("ImagePullBackOff")
    );
    let unplaced = json!({"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"},
    ]});
    assert_eq!(reason(unplaced).as_deref(), Some("Unschedulable"));
    assert_eq!(reason(json!({"phase": "Running"})), None);
}

#[test]
fn a_wait_is_news_once() {
    let waits = Waits::default();
    let wait = Wait {
        reason: "ErrImagePull".into(),
        message: "no".into(),
    };
    assert!(waits.set("a", Some(&wait)) && !waits.set("a", Some(&wait)));
    assert_eq!(waits.of("a"), Some(wait));
    assert!(waits.set("a", None) && !waits.set("a", None) && waits.of("a").is_none());
}

#[test]
fn another_snapshots_backup_is_no_result() {
    let taken = |uid: &str| Taken {
        manifest: fixtures::manifest(Some(("prod-1", uid))),
        location: None,
    };
    let request = request(json!({}));
    assert!(own(taken("0a1b2c3d-4e5f"), &request).is_ok());
    assert_eq!(own(taken("other"), &request).unwrap_err().reason, "InvalidResult");
}

#[test]
fn a_pods_word_of_its_store_is_shown_if_it_looks_like_one() {
    for said in ["s3://bucket", "s3://bucket/pre/fix", "file:///var/lib/backups"] {
        assert!(is_location(said), "{said}");
    }
    for said in [
        "",
        "https://example.com",
        "bucket",
        "s3://bucket\n",
        &format!("s3://{}", "b".repeat(5000)),
    ] {
        assert!(!is_location(said), "{said}");
    }
}
