//! An etcd of three members as people run it in Kubernetes: a StatefulSet with volumes, a headless Service, TLS between
//! everyone.

use anyhow::Result;
use harness::{
    etcd::Version,
    rig::{Rig, images},
};
use serde_json::{Value, json};

use crate::{case::Case, etcd::Etcd};

/// The StatefulSet, and its Service.
pub(crate) const NAME: &str = "etcd";
/// The data directory, within the claim.
pub(crate) const DATA: &str = "data";
const MEMBERS: usize = 3;
const SECRET: &str = "etcd-server";

/// The cluster of one case.
pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    namespace: String,
}

impl Cluster {
    /// Starts it, and waits until every member is ready.
    pub(crate) fn start(case: &Case) -> Result<Self> {
        // etcd compares a peer's address with what its certificate's names resolve to: no wildcard.
        let hosts: Vec<_> = (0..MEMBERS).map(|member| host(&case.namespace, member)).collect();
        let endpoints = hosts.iter().map(|host| format!("https://{host}:2379"));
        let cluster = Self {
            etcd: Etcd::new(endpoints.collect())?,
            namespace: case.namespace.clone(),
        };
        let authority = &cluster.etcd.authority;
        let mut names: Vec<_> = hosts.iter().map(String::as_str).collect();
        names.extend(["localhost", "127.0.0.1"]);
        let server = authority.server(&names)?;
        let keys = json!({"ca.crt": authority.pem(), "tls.crt": server.cert, "tls.key": server.key});
        case.secret(SECRET, &keys)?;
        case.etcd_secret(&authority.pem(), &cluster.etcd.client)?;
        case.apply(&[service(), cluster.stateful_set()])?;
        ready(case)?;
        Ok(cluster)
    }

    /// Starts it anew, and waits until every member is ready.
    pub(crate) fn start_again(&self, case: &Case) -> Result<()> {
        case.apply(&[self.stateful_set()])?;
        ready(case)
    }

    /// What an EtcdRestore is told of its members.
    pub(crate) fn members(&self) -> Vec<Value> {
        let member = |member| {
            let url = format!("https://{}:2380", self.host(member));
            json!({"name": format!("{NAME}-{member}"), "peerURLs": [url]})
        };
        (0..MEMBERS).map(member).collect()
    }

    fn host(&self, member: usize) -> String {
        host(&self.namespace, member)
    }

    fn stateful_set(&self) -> Value {
        let pod = json!({
            "metadata": {"labels": {"app": NAME}},
            "spec": {
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "terminationGracePeriodSeconds": 5,
                "containers": [self.container()],
                "volumes": [{"name": "tls", "secret": {"secretName": SECRET}}],
            },
        });
        let claim = json!({
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": Rig::STORAGE_CLASS,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        });
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": NAME},
            "spec": {
                "serviceName": NAME, "replicas": MEMBERS, "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {"app": NAME}}, "template": pod, "volumeClaimTemplates": [claim],
            },
        })
    }

    fn container(&self) -> Value {
        let peer = |host: &str| format!("https://{host}:2380");
        let me = format!("$(NAME).{NAME}.{}.svc.cluster.local", self.namespace);
        let peers: Vec<_> = (0..MEMBERS)
            .map(|member| format!("{NAME}-{member}={}", peer(&self.host(member))))
            .collect();
        let mut flags = vec![
            "--name=$(NAME)".to_owned(),
            format!("--data-dir=/var/lib/etcd/{DATA}"),
            "--listen-client-urls=https://0.0.0.0:2379".to_owned(),
            format!("--advertise-client-urls=https://{me}:2379"),
            "--listen-peer-urls=https://0.0.0.0:2380".to_owned(),
            format!("--initial-advertise-peer-urls={}", peer(&me)),
            format!("--initial-cluster={}", peers.join(",")),
            format!("--initial-cluster-token={}", self.namespace),
            "--listen-metrics-urls=http://0.0.0.0:2381".to_owned(),
            "--client-cert-auth".to_owned(),
            "--peer-client-cert-auth".to_owned(),
            // Some disks take long to promise it, and none here loses power.
            "--unsafe-no-fsync".to_owned(),
            // For machines that are busy with something else, too.
            "--heartbeat-interval=250".to_owned(),
            "--election-timeout=2500".to_owned(),
        ];
        for who in ["", "peer-"] {
            flags.push(format!("--{who}trusted-ca-file=/tls/ca.crt"));
            flags.push(format!("--{who}cert-file=/tls/tls.crt"));
            flags.push(format!("--{who}key-file=/tls/tls.key"));
        }
        json!({
            "name": "etcd", "image": images::etcd_name(Version::V3_6), "args": flags,
            "env": [{"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 2381}, "periodSeconds": 1, "timeoutSeconds": 5},
            // Without a request a pod gets next to nothing of a busy machine.
            "resources": {"requests": {"cpu": "100m"}},
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "data", "mountPath": "/var/lib/etcd"}, {"name": "tls", "mountPath": "/tls"}],
        })
    }
}

/// Takes away the pods and their claims. Nothing that runs later gets these volumes again.
pub(crate) fn destroy(case: &Case) -> Result<()> {
    case.kubectl(&[
        "delete",
        "statefulset",
        NAME,
        "--cascade=foreground",
        "--timeout=90s",
    ])?;
    let claims: Vec<_> = (0..MEMBERS)
        .map(|member| format!("data-{NAME}-{member}"))
        .collect();
    let claims: Vec<_> = claims.iter().map(String::as_str).collect();
    let words = ["delete", "persistentvolumeclaims", "--timeout=90s"];
    case.kubectl(&[&words[..], &claims].concat()).map(drop)
}

/// Waits until every member is ready.
pub(crate) fn ready(case: &Case) -> Result<()> {
    let set = format!("statefulset/{NAME}");
    case.kubectl(&["rollout", "status", &set, "--timeout=90s"])
        .map(drop)
}

fn host(namespace: &str, member: usize) -> String {
    format!("{NAME}-{member}.{NAME}.{namespace}.svc.cluster.local")
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME},
        "spec": {
            "clusterIP": "None", "selector": {"app": NAME}, "publishNotReadyAddresses": true,
            "ports": [{"name": "client", "port": 2379}, {"name": "peer", "port": 2380}],
        },
    })
}
