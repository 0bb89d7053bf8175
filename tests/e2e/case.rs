//! One case: a namespace of its own, a bucket of its own, and words for what cases do with plans and snapshots.

use std::{
    collections::BTreeSet,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::Version,
    kubectl::Kubectl,
    oracle::{self, Holdings, Restored, Strangers, Subject},
    scratch,
    tls::Pair,
    wait,
};
use kube::Client;
use serde_json::{Value, json};

use crate::world::World;

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// The operator's pods.
const OPERATOR: &str = "--selector=app.kubernetes.io/component=operator";
/// The Secret with the certificates of the etcd.
pub(crate) const ETCD: &str = "etcd-client";
/// The Secret with the keys of the store.
const STORE: &str = "s3-credentials";
/// Where in the bucket plans store.
const PREFIX: &str = "backups";

/// A case in progress.
pub(crate) struct Case {
    pub(crate) namespace: String,
    kubectl: Kubectl,
    endpoint: String,
    /// The directory that is the bucket.
    bucket: PathBuf,
    /// What others keep in it.
    strangers: Strangers,
    /// Texts that may be in Secrets and nowhere else.
    canaries: Mutex<Vec<String>>,
}

impl Case {
    pub(crate) fn begin(world: &World, name: &str) -> Result<Self> {
        let kubectl = world.kubectl.clone();
        kubectl.run(&["create", "namespace", name])?;
        world.gateway.create_bucket(name)?;
        let bucket = world.gateway.data().join(name);
        let case = Self {
            namespace: name.to_owned(),
            kubectl,
            endpoint: world.gateway.endpoint.clone(),
            strangers: Strangers::around(&bucket, PREFIX, name, "prod")?,
            bucket,
            canaries: Mutex::default(),
        };
        let keys = json!({
            "AWS_ACCESS_KEY_ID": world.gateway.access_key, "AWS_SECRET_ACCESS_KEY": world.gateway.secret_key,
        });
        case.secret(STORE, &keys)?;
        Ok(case)
    }

    /// kubectl in this namespace.
    pub(crate) fn kubectl(&self, words: &[&str]) -> Result<String> {
        self.kubectl
            .run(&[&["--namespace", &self.namespace], words].concat())
    }

    /// From now on the namespace lets pods in by this profile of Kubernetes' Pod Security.
    pub(crate) fn admit(&self, profile: &str) -> Result<()> {
        let label = format!("pod-security.kubernetes.io/enforce={profile}");
        let words = ["label", "namespace", &self.namespace, &label, "--overwrite"];
        self.kubectl.run(&words).map(drop)
    }

    /// Applies objects, in this namespace.
    pub(crate) fn apply(&self, objects: &[Value]) -> Result<()> {
        let mut objects = objects.to_vec();
        for object in &mut objects {
            object["metadata"]["namespace"] = json!(self.namespace);
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl.apply(&list.to_string()).map(drop)
    }

    pub(crate) fn secret(&self, name: &str, data: &Value) -> Result<()> {
        let values = data.as_object().into_iter().flatten();
        let secret = values.filter_map(|(key, value)| canary(key, value.as_str()?));
        let mut canaries = self.canaries.lock().unwrap_or_else(PoisonError::into_inner);
        canaries.extend(secret);
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data});
        self.apply(&[secret])
    }

    /// Writes the Secret that plans name for an etcd which demands certificates.
    pub(crate) fn etcd_secret(&self, authority: &str, client: &Pair) -> Result<()> {
        let data = json!({"ca.crt": authority, "tls.crt": client.cert, "tls.key": client.key});
        self.secret(ETCD, &data)
    }

    /// Writes a plan for an etcd that demands certificates, into the case's bucket, to be run on demand and tried once.
    pub(crate) fn plan(&self, name: &str, endpoints: &[String]) -> Result<()> {
        let s3 = json!({
            "bucket": self.namespace, "prefix": PREFIX, "endpoint": self.endpoint, "allowHTTP": true,
            "credentials": {"secretName": STORE},
        });
        let etcd = json!({"endpoints": endpoints, "tls": {"secretName": ETCD}});
        let plan = json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup", "metadata": {"name": name},
            "spec": {"etcd": etcd, "storage": {"s3": s3}, "retries": 0, "timeout": "2m"},
        });
        self.apply(&[plan])
    }

    /// Every key of the bucket.
    pub(crate) fn stored(&self) -> Result<BTreeSet<String>> {
        Ok(oracle::keys(&self.bucket)?.into_iter().collect())
    }

    /// Asks for a snapshot.
    pub(crate) fn ask(&self, name: &str, plan: &str) -> Result<()> {
        let snapshot = json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdSnapshot", "metadata": {"name": name},
            "spec": {"backupName": plan},
        });
        self.apply(&[snapshot])
    }

    /// Asks for a snapshot and waits until it is there.
    pub(crate) async fn take(&self, name: &str, plan: &str) -> Result<Value> {
        self.ask(name, plan)?;
        let status = self.over(name).await?;
        ensure!(status["phase"] == "Succeeded", "{name}: {status}");
        ensure!(
            condition(&status, "Complete").is_some_and(|condition| condition["status"] == "True"),
            "{name} has succeeded and is not Complete: {status}"
        );
        Ok(status)
    }

    /// Waits until a snapshot has succeeded or failed, and gives its status.
    pub(crate) async fn over(&self, name: &str) -> Result<Value> {
        self.status(&format!("etcdsnapshot/{name}"), "it to be over", |status| {
            status["phase"] == "Succeeded" || status["phase"] == "Failed"
        })
        .await
    }

    /// Waits until the status of an object is as it should be.
    pub(crate) async fn status(
        &self,
        object: &str,
        what: impl Display,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.status_within(object, PATIENCE, what, wanted).await
    }

    /// Likewise, of something that takes longer.
    pub(crate) async fn status_within(
        &self,
        object: &str,
        patience: Duration,
        what: impl Display,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        wait::until_ok(format!("{object}: {what}"), patience, async || {
            let found = self.kubectl(&["get", object, "--output=json"])?;
            let found: Value = serde_json::from_str(&found).context("read kubectl's answer")?;
            let status = &found["status"];
            ensure!(wanted(status), "its status is {status}");
            Ok(status.clone())
        })
        .await
    }

    /// Waits for an event with this reason about something of this name, and gives its note.
    pub(crate) async fn event(&self, reason: &str, about: &str) -> Result<String> {
        let fields = format!("--field-selector=reason={reason},regarding.name={about}");
        let question = [
            "get",
            "events.events.k8s.io",
            &fields,
            "--output=jsonpath={.items[*].note}",
        ];
        wait::until_ok(
            format!("the event {reason} about {about}"),
            PATIENCE,
            async || {
                let note = self.kubectl(&question)?;
                ensure!(!note.is_empty(), "there is none");
                Ok(note)
            },
        )
        .await
    }

    /// Ends a case that succeeded: what it started must not keep the node busy, unless somebody wants to look at it.
    pub(crate) async fn end(self) -> Result<()> {
        let client = self.kubectl.client().await?;
        self.no_secret_is_seen(&client, &self.bucket).await?;
        if std::env::var_os("ETCD_BACKUP_KEEP").is_some() {
            return Ok(());
        }
        self.kubectl
            .run(&["delete", "namespace", &self.namespace, "--wait=false"])
            .map(drop)
    }

    /// Proves what the bucket holds, down to an etcd that runs on the newest backup, and that Kubernetes says the same.
    pub(crate) async fn judge(&self, version: Version) -> Result<Holdings> {
        self.judge_at(&self.bucket, version).await
    }

    /// Likewise, of a store that is this directory.
    pub(crate) async fn judge_at(&self, store: &Path, version: Version) -> Result<Holdings> {
        let subject = Subject {
            version,
            auth: None,
            identity: None,
            strangers: self.strangers.clone(),
        };
        let holdings = oracle::check_store_restoring(Restored::Newest, store, &subject).await?;
        let client = self.kubectl.client().await?;
        wait::until_ok("Kubernetes to say what the store holds", PATIENCE, async || {
            oracle::check_mirror_of(&self.namespace, &client, &holdings).await
        })
        .await?;
        self.no_secret_is_seen(&client, store).await?;
        Ok(holdings)
    }

    /// Not in what the operator and its Jobs wrote into Kubernetes, not in the logs of either, not in the store.
    async fn no_secret_is_seen(&self, client: &Client, store: &Path) -> Result<()> {
        let seen = scratch::folder("seen")?;
        let objects = oracle::objects(client, &self.namespace).await?;
        fs::write(seen.path().join("objects"), objects).context("keep the objects")?;
        let operator = [
            "logs",
            "--namespace=etcd-backup-system",
            "--tail=-1",
            "--prefix",
            OPERATOR,
        ];
        let log = self.kubectl.run(&operator)?;
        ensure!(!log.trim().is_empty(), "the operator logs nothing");
        fs::write(seen.path().join("operator"), log).context("keep the operator's log")?;
        // Some are over, and some are only beginning.
        let jobs = [
            "logs",
            "--tail=-1",
            "--prefix",
            "--all-containers",
            "--ignore-errors",
            "--selector=batch.kubernetes.io/job-name",
        ];
        fs::write(seen.path().join("jobs"), self.kubectl(&jobs)?).context("keep the logs of Jobs")?;
        let canaries = self.canaries.lock().unwrap_or_else(PoisonError::into_inner);
        let canaries: Vec<_> = canaries.iter().map(String::as_str).collect();
        [store, seen.path()]
            .iter()
            .try_for_each(|place| oracle::find_canaries(place, &canaries))
    }
}

/// What of a Secret's value must not be seen elsewhere: of a key in PEM a line of its middle is enough, and certificates are no
/// secrets.
fn canary(key: &str, value: &str) -> Option<String> {
    match key {
        "ca.crt" | "tls.crt" => None,
        "tls.key" => value.lines().nth(1).map(str::to_owned),
        _ => Some(value.to_owned()),
    }
}

/// A condition of a status.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}
