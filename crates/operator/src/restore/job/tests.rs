//! What the Jobs are like.

use serde_json::{Value, json};

use super::{job, name};
use crate::agent::{RestoreTask, Step, TASK_VARIABLE};
use crate::fixtures::restore;
use crate::jobs::JobPolicy;

fn built(changes: Value, step: Step) -> Value {
    let mut restore = restore(changes);
    restore.status = Some(
        serde_json::from_value(json!({
            "phase": "Preparing", "initialClusterToken": "token",
            "source": {
                "url": "s3://b/k", "key": "k", "runID": "run-1", "sha256": "", "size": 1, "snapshotSize": 1, "snapshotSHA256": "",
                "revision": 9, "clusterID": "1", "taken": "2026-11-23T06:00:00Z", "encrypted": true,
                "storage": {"s3": {"bucket": "bbb", "credentials": {"secretName": "keys"}, "tls": {"secretName": "keys"}}},
            },
        }))
        .unwrap(),
    );
    let job_policy = JobPolicy {
        restores: true,
        image: std::sync::OnceLock::from("registry/etcd-backup:v1".to_owned()),
        ..JobPolicy::default()
    };
    serde_json::to_value(job(&restore, step, 0, &job_policy).unwrap()).unwrap()
}

#[test]
fn a_pod_keeps_to_the_restricted_profile() {
    let job = built(json!({}), Step::Prepare);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        })
    );
    assert!(container["resources"]["limits"]["memory"].is_string());
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "EtcdRestore");
}

#[test]
fn only_a_directory_of_a_node_makes_a_pod_root() {
    let target =
        json!({"hostPath": {"path": "/var/lib/etcd", "nodeName": "cp-1"}, "persistentVolumeClaim": null});
    let member = json!([{"name": "m0", "peerURLs": ["https://m0:2380"], "target": target}]);
    let job = built(json!({"spec": {"members": member}}), Step::Commit);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsUser"], 0);
    assert_eq!(pod["nodeName"], "cp-1");
    assert_eq!(pod["volumes"][0]["hostPath"]["type"], "Directory");
}

#[test]
fn secrets_are_mounted_where_they_are_read_and_never_written_down() {
    let with = json!({"spec": {"decryption": {"secretName": "age"}}});
    let job = built(with.clone(), Step::Prepare);
    let volumes = job["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    let secrets: Vec<&Value> = volumes.iter().filter_map(|volume| volume.get("secret")).collect();
    assert_eq!(secrets.len(), 2, "one Secret for two purposes is mounted once");
    assert_eq!(secrets[0]["secretName"], "age");
    assert_eq!(
        secrets[0]["items"],
        json!([{"key": "identity", "path": "identity"}])
    );
    let env = &job["spec"]["template"]["spec"]["containers"][0]["env"];
    assert_eq!(env.as_array().unwrap().len(), 1);
    assert_eq!(env[0]["name"], TASK_VARIABLE);
    RestoreTask::parse(env[0]["value"].as_str().unwrap()).unwrap();

    let commit = built(with, Step::Commit);
    let volumes = commit["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
    assert!(volumes.iter().all(|volume| volume.get("secret").is_none()));
}

#[test]
fn names_fit_into_a_label_and_are_always_the_same() {
    let long = restore(json!({"metadata": {"name": format!("a.{}", "b".repeat(200))}}));
    let name_of = || name(&long, Step::Prepare, 8);
    assert!(name_of().len() <= 63 && name_of().ends_with("-0a1b2c3d-prepare-8"));
    assert_eq!(name_of(), name_of());
}
