//! One test: a namespace of its own, a bucket of its own, and words for what tests do with plans and snapshots.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use harness::{
    etcd::Etcd,
    kubectl::Kubectl,
    operator::Operator,
    oracle::{self, Strangers},
    process,
    s3::S3Server,
    versitygw::Versitygw,
};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::{
    asking::applied,
    plan::{AUTH_SECRET, PREFIX, STORE_SECRET, TLS_SECRET},
    world::{AMBIENT, Stage, World},
};

/// A test in progress. When it is dropped unfinished, because something failed, it says what Kubernetes and the operator
/// have to say.
pub(super) struct Case {
    pub(super) namespace: String,
    pub(super) bucket: String,
    pub(super) endpoint: String,
    /// The directory that is the bucket.
    pub(super) folder: PathBuf,
    /// What others keep in the bucket that the case began with.
    pub(super) strangers: Strangers,
    pub(super) kubectl: Kubectl,
    pub(super) client: Client,
    /// Where operators that work on it keep files, and the ports of their metrics.
    pub(super) operators: Vec<(PathBuf, u16)>,
    /// Where the pods of its Jobs log.
    pub(super) logs: Vec<PathBuf>,
    /// Texts that may be in Secrets and nowhere else.
    pub(super) canaries: Vec<String>,
    /// The private key of every backup, as `age-keygen` prints it, where they are encrypted.
    pub(super) identity: Option<String>,
    pub(super) finished: bool,
}

impl Case {
    /// Begins a test in the shared world.
    pub(super) async fn begin(name: &str) -> Result<(Self, &'static World)> {
        let world = World::shared().await?;
        let mut case = Self::on(&world.stage, name).await?;
        case.follow(&world.operator);
        Ok((case, world))
    }

    /// Begins a test on a stage.
    pub(super) async fn on(stage: &Stage, name: &str) -> Result<Self> {
        let namespaces: Api<Namespace> = Api::all(stage.server.admin().await?);
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        created.with_context(|| format!("create the namespace {name}"))?;
        Self::within(stage, name).await
    }

    /// Lets only such pods into the namespace as keep to this profile of Kubernetes; without one, all.
    pub(super) async fn admit(&self, profile: Option<&str>) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let change = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": profile}}});
        let admitted = namespaces
            .patch(&self.namespace, &PatchParams::default(), &Patch::Merge(&change))
            .await;
        admitted
            .map(drop)
            .with_context(|| format!("label the namespace {}", self.namespace))
    }

    /// Begins a test in a namespace that is there.
    pub(super) async fn within(stage: &Stage, name: &str) -> Result<Self> {
        let kubectl = stage.server.kubectl()?;
        stage.gateway.create_bucket(name)?;
        let folder = stage.gateway.data().join(name);
        let mut case = Self {
            namespace: name.to_owned(),
            bucket: name.to_owned(),
            endpoint: stage.gateway.endpoint.clone(),
            strangers: Strangers::around(&folder, PREFIX, name, "prod")?,
            folder,
            kubectl,
            client: stage.server.admin().await?,
            operators: Vec::new(),
            logs: Vec::new(),
            canaries: AMBIENT.map(|(_, secret)| secret.to_owned()).to_vec(),
            identity: None,
            finished: false,
        };
        let keys = [
            ("AWS_ACCESS_KEY_ID", &*stage.gateway.access_key),
            ("AWS_SECRET_ACCESS_KEY", &*stage.gateway.secret_key),
        ];
        case.secret(STORE_SECRET, &keys).await?;
        Ok(case)
    }

    /// The operator's files and metrics are looked at in the end, and its log when something fails.
    pub(super) fn follow(&mut self, operator: &Operator) {
        self.operators
            .push((operator.folder().to_path_buf(), operator.metrics_port()));
    }

    /// Makes the case's Secret that of the server in this process.
    pub(super) async fn stores_in_process(&mut self) -> Result<()> {
        let keys = [
            ("AWS_ACCESS_KEY_ID", S3Server::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", S3Server::SECRET_KEY),
        ];
        self.secret(STORE_SECRET, &keys).await
    }

    /// Makes the case's store a bucket with Object Lock. Every gateway has the same administrator, so its Secret stays.
    pub(super) async fn stores_locked(&mut self, gateway: &Versitygw, bucket: &str) -> Result<()> {
        gateway.create_locking_bucket(bucket).await?;
        self.stores_at(gateway, bucket);
        Ok(())
    }

    /// Makes the case's store a bucket of another gateway, for its user who is no administrator.
    pub(super) async fn stores_as_user(&mut self, gateway: &Versitygw, bucket: &str) -> Result<()> {
        gateway.create_bucket(bucket)?;
        self.stores_at(gateway, bucket);
        let keys = [
            ("AWS_ACCESS_KEY_ID", Versitygw::USER_KEY),
            ("AWS_SECRET_ACCESS_KEY", Versitygw::USER_SECRET),
        ];
        self.secret(STORE_SECRET, &keys).await
    }

    fn stores_at(&mut self, gateway: &Versitygw, bucket: &str) {
        bucket.clone_into(&mut self.bucket);
        gateway.endpoint.clone_into(&mut self.endpoint);
        self.folder = gateway.data().join(bucket);
    }

    /// Writes a Secret. None of its values may be seen anywhere else.
    pub(super) async fn secret(&mut self, name: &str, data: &[(&str, &str)]) -> Result<()> {
        let strings: serde_json::Map<_, _> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": strings,
        });
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        api.patch(name, &applied(), &Patch::Apply(&secret))
            .await
            .context("write a Secret")?;
        self.canaries
            .extend(data.iter().filter_map(|(key, value)| canary(key, value)));
        Ok(())
    }

    /// Writes the Secrets that a plan for this etcd names.
    pub(super) async fn secrets_of(&mut self, etcd: &Etcd) -> Result<()> {
        if let Some(tls) = &etcd.tls {
            let (ca, pair) = (tls.authority.pem(), tls.client.clone());
            let keys = [
                ("ca.crt", &*ca),
                ("tls.crt", &*pair.cert),
                ("tls.key", &*pair.key),
            ];
            self.secret(TLS_SECRET, &keys).await?;
        }
        if let Some((user, password)) = &etcd.auth {
            self.secret(AUTH_SECRET, &[("username", user), ("password", password)])
                .await?;
        }
        Ok(())
    }

    pub(super) fn plans(&self) -> Api<EtcdBackup> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) fn snapshots(&self) -> Api<EtcdSnapshot> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Every snapshot of the namespace.
    pub(super) async fn all_snapshots(&self) -> Result<Vec<EtcdSnapshot>> {
        let list = self.snapshots().list(&ListParams::default()).await;
        Ok(list.context("list snapshots")?.items)
    }

    /// The name of each, in their order.
    pub(super) async fn snapshot_names(&self) -> Result<Vec<String>> {
        let all = self.all_snapshots().await?;
        Ok(all.iter().map(ResourceExt::name_any).collect())
    }

    /// Every object of the bucket but those of strangers.
    pub(super) fn stored(&self) -> Result<BTreeMap<String, Vec<u8>>> {
        let keys = oracle::keys(&self.folder)?.into_iter();
        let ours = keys.filter(|key| !key.starts_with(".sgwtmp/") && !self.strangers.own(key));
        ours.map(|key| {
            let bytes = fs::read(self.folder.join(&key)).with_context(|| format!("read {key}"))?;
            Ok((key, bytes))
        })
        .collect()
    }

    /// What is known when something failed.
    fn diagnosis(&self) -> String {
        let ask = |arguments: &[&str]| {
            let arguments = [&["--namespace", &self.namespace], arguments].concat();
            self.kubectl
                .run(&arguments)
                .unwrap_or_else(|error| format!("{error:#}"))
        };
        let mut text = ask(&["get", "ebk,esnap", "--output", "wide"]);
        text += &ask(&["describe", "ebk,esnap"]);
        text += &ask(&["get", "events.events.k8s.io"]);
        for (folder, _) in &self.operators {
            text += "--- the log of the operator ends with ---\n";
            text += &process::tail(&folder.join("log"));
            text += "\n";
        }
        text
    }
}

impl Drop for Case {
    #[expect(clippy::print_stderr, reason = "a failed test shows what was known")]
    fn drop(&mut self) {
        if !self.finished {
            eprintln!("--- {} ---\n{}", self.namespace, self.diagnosis());
        }
    }
}

/// What of a Secret's value must not be seen elsewhere. An authority's certificate and a user's name are no secrets; of
/// a key in PEM a line of its middle is enough.
fn canary(key: &str, value: &str) -> Option<String> {
    match key {
        "ca.crt" | "tls.crt" | "username" => None,
        "tls.key" => value.lines().nth(1).map(str::to_owned),
        _ => Some(value.to_owned()),
    }
}
