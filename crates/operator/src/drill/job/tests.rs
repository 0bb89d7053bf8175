use std::sync::OnceLock;

use serde_json::{Value, json};

use super::*;
use crate::agent::TASK_VARIABLE;
use crate::fixtures::plan;

fn built(drill: &Value) -> Value {
    let s3 = json!({"bucket": "backups", "credentials": {"secretName": "keys"}});
    let mut plan = plan(json!({"spec": {
        "verification": "Restore", "drill": drill, "etcd": {"auth": {"secretName": "root"}}, "storage": {"s3": s3},
    }}));
    plan.status = Some(
        serde_json::from_value(json!({"drill": {"running": {
            "snapshot": "prod-1", "job": "prod-planuid-drill-0a1b2c3d", "startTime": "2026-11-23T07:00:00Z",
            "source": {
                "url": "s3://backups/k", "key": "k", "storage": {"s3": s3}, "runID": "r", "sha256": "", "size": 1,
                "snapshotSize": 1000, "snapshotSHA256": "", "revision": 9, "clusterID": "1",
                "taken": "2026-11-23T06:00:00Z", "encrypted": true,
            },
        }}}))
        .unwrap(),
    );
    let job_policy = JobPolicy {
        restores: true,
        image: OnceLock::from("registry/etcd-backup:v1".to_owned()),
        ..JobPolicy::default()
    };
    serde_json::to_value(job(&plan, &job_policy).unwrap()).unwrap()
}

fn volume<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let volumes = pod["volumes"].as_array().unwrap();
    volumes.iter().find(|volume| volume["name"] == name).unwrap()
}

fn mounts(container: &Value) -> Vec<&str> {
    let mounts = container["volumeMounts"].as_array().unwrap();
    mounts
        .iter()
        .map(|mount| mount["mountPath"].as_str().unwrap())
        .collect()
}

#[test]
fn without_an_etcd_one_container_restores_into_a_directory_of_the_pods_own() {
    let job = built(&json!({"decryption": {"secretName": "age"}, "timeout": "30m"}));
    assert_eq!(job["metadata"]["ownerReferences"][0]["kind"], "EtcdBackup");
    assert_eq!(job["spec"]["activeDeadlineSeconds"], 1800);
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert!(pod.get("initContainers").is_none());
    let container = &pod["containers"][0];
    assert_eq!(container["args"], json!(["agent", "drill", "restore"]));
    assert_eq!(
        container["securityContext"]["capabilities"],
        json!({"drop": ["ALL"]})
    );
    assert_eq!(
        mounts(container),
        [
            "/drill",
            "/tmp",
            "/etc/etcd-backup/secrets/age",
            "/etc/etcd-backup/secrets/keys"
        ]
    );
    assert_eq!(
        volume(pod, "drill")["emptyDir"]["sizeLimit"],
        (2 * 1000 + (512 << 20)).to_string()
    );
    assert_eq!(volume(pod, "secret-0")["secret"]["optional"], true);
    let task = container["env"][0]["value"].as_str().unwrap();
    assert_eq!(container["env"][0]["name"], TASK_VARIABLE);
    assert_eq!(DrillTask::parse(task).unwrap().endpoint, None);
}

#[test]
fn an_etcd_runs_beside_the_one_that_asks_it_and_gets_no_secret() {
    let job = built(&json!({"etcdImage": "etcd:v3.6.6", "scratchSize": "3Gi"}));
    let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
    assert!(rules[0]["onExitCodes"].get("containerName").is_none());
    let pod = &job["spec"]["template"]["spec"];
    let (init, main) = (pod["initContainers"].as_array().unwrap(), &pod["containers"][0]);
    assert_eq!(
        (&init[0]["name"], &init[1]["name"], &main["name"]),
        (&json!("restore"), &json!("etcd"), &json!("agent"))
    );
    let etcd = &init[1];
    assert_eq!(
        (&etcd["image"], &etcd["restartPolicy"]),
        (&json!("etcd:v3.6.6"), &json!("Always"))
    );
    assert_eq!((mounts(etcd), etcd.get("env")), (vec!["/drill"], None));
    assert_eq!(etcd["securityContext"], main["securityContext"]);
    let listens = etcd["args"].as_array().unwrap().iter().filter_map(Value::as_str);
    assert!(
        listens
            .filter(|flag| flag.contains("listen"))
            .all(|flag| flag.contains("=http://127.0.0.1:"))
    );
    assert_eq!(main["args"], json!(["agent", "drill", "check"]));
    assert_eq!(mounts(main), ["/etc/etcd-backup/secrets/root", "/drill"]);
    assert_eq!(
        mounts(&init[0]),
        ["/drill", "/tmp", "/etc/etcd-backup/secrets/keys"]
    );
    assert_eq!(volume(pod, "drill")["emptyDir"]["sizeLimit"], "3Gi");
    let task = DrillTask::parse(main["env"][0]["value"].as_str().unwrap()).unwrap();
    assert_eq!(task.endpoint.as_deref(), Some(CLIENTS));
}
