//! What the Jobs are like.

use serde_json::{Value, json};

use super::{job, name};
use crate::agent::{RestoreTask, Step, TASK_VARIABLE};
use crate::fixtures::restore;
use crate::jobs::JobPolicy;

fn built(changes: Value, step: Step) -> Value {
    let storage = json!({"s3": {"bucket": "bbb", "credentials": {"secretName": "keys"}, "tls": {"secretName": "keys"}}});
    built_from(changes, &storage, step)
}

fn built_from(changes: Value, storage: &Value, step: Step) -> Value {
    let mut restore = restore(changes);
    restore.status = Some(
        serde_json::from_value(json!({
            "phase": "Preparing", "initialClusterToken": "token",
            "source": {
                "url": "s3://b/k", "key": "k", "runID": "run-1", "sha256": "", "size": 1, "snapshotSize": 1, "snapshotSHA256": "",
                "revision": 9, "clusterID": "1", "taken": "2026-11-23T06:00:00Z", "encrypted": true,
                "storage": storage,
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

/// The task that the pod of a Job is given.
fn task_of(job: &Value) -> Value {
    let env = &job["spec"]["template"]["spec"]["containers"][0]["env"];
    serde_json::from_str(env[0]["value"].as_str().unwrap()).unwrap()
}

#[test]
fn what_the_specification_says_of_the_new_cluster_is_in_the_task_of_every_step() {
    let spec = json!({"spec": {
        "revision": 7, "bumpRevision": 5, "targetVersion": "3.6", "initialClusterToken": "not-yet-accepted",
        "existingData": "ReplaceAside", "decryption": {"secretName": "age"},
    }});
    for step in Step::ALL {
        let task = task_of(&built(spec.clone(), step));
        assert_eq!(task["revision"], 7);
        assert_eq!(task["bumpRevision"], 5);
        assert_eq!(task["targetVersion"], "3.6");
        assert_eq!(task["existingData"], "ReplaceAside");
        assert_eq!(task["decryption"], "age");
        // What was pinned counts.
        assert_eq!(task["initialClusterToken"], "token");
    }
    let plain = task_of(&built(json!({}), Step::Prepare));
    for absent in ["revision", "targetVersion", "decryption"] {
        assert!(plain.get(absent).is_none(), "{absent}: {plain}");
    }
    assert_eq!(plain["bumpRevision"], 1_000_000_000);
}

#[test]
fn a_pod_runs_where_and_as_whom_the_shape_of_its_job_says() {
    let shape = json!({"spec": {"job": {
        "nodeSelector": {"pool": "etcd"}, "hostNetwork": true, "serviceAccountName": "reader",
        "tolerations": [
            {"key": "dedicated", "value": "etcd", "effect": "NoSchedule"},
            {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        ],
        "imagePullSecrets": [{"secretName": "pull"}],
        "runAsUser": 1001, "runAsGroup": 1002, "fsGroup": 1003,
        "resources": {"limits": {"memory": "1Gi"}},
    }}});
    for step in Step::ALL {
        let job = built(shape.clone(), step);
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], "reader");
        assert_eq!(
            pod["automountServiceAccountToken"], false,
            "for a cloud's rights, not Kubernetes'"
        );
        assert_eq!(
            pod["tolerations"],
            json!([
                {"key": "dedicated", "operator": "Equal", "value": "etcd", "effect": "NoSchedule"},
                {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
            ])
        );
        assert_eq!(pod["nodeSelector"], json!({"pool": "etcd"}));
        assert_eq!(pod["hostNetwork"], true);
        assert_eq!(pod["dnsPolicy"], "ClusterFirstWithHostNet");
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
        let security = &pod["securityContext"];
        assert_eq!(
            json!([security["runAsUser"], security["runAsGroup"], security["fsGroup"]]),
            json!([1001, 1002, 1003])
        );
        let limits = &pod["containers"][0]["resources"]["limits"];
        assert_eq!(limits, &json!({"cpu": "2", "memory": "1Gi"}));
    }
    let plain = built(json!({}), Step::Prepare);
    let pod = &plain["spec"]["template"]["spec"];
    for absent in ["serviceAccountName", "tolerations", "nodeSelector", "hostNetwork"] {
        assert!(pod.get(absent).is_none(), "{absent}: {pod}");
    }
}

#[test]
fn a_store_that_is_a_directory_is_mounted_where_the_plan_has_it_and_only_to_read_it() {
    let job = built_from(
        json!({"spec": {"job": {"localStore": {"claimName": "store", "subPath": "below"}}}}),
        &json!({"local": {"path": "/backups"}}),
        Step::Prepare,
    );
    let pod = &job["spec"]["template"]["spec"];
    let volumes = pod["volumes"].as_array().unwrap();
    let store = volumes.iter().find(|volume| volume["name"] == "store").unwrap();
    assert_eq!(
        store["persistentVolumeClaim"],
        json!({"claimName": "store", "readOnly": true})
    );
    let mounts = pod["containers"][0]["volumeMounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["name"] == "store").unwrap();
    let expected = json!({"name": "store", "mountPath": "/backups", "readOnly": true, "subPath": "below"});
    assert_eq!(mount, &expected);
}
