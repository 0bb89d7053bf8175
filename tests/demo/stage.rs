//! The servers of the demo.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use harness::{
    apiserver::{ApiServer, Operator as Identity},
    binaries,
    etcd::Etcd,
    operator::Operator,
    scratch,
    versitygw::Versitygw,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::StoreKind;

pub(crate) const BUCKET: &str = "backups";
/// Where in the bucket the sample of a plan stores.
const PREFIX: &str = "trial";
const SAMPLE: &str = "config/samples/plan-every-minute.yaml";

/// Where snapshots go.
#[derive(Debug)]
pub(crate) enum Store {
    S3(Box<Versitygw>),
    Local(TempDir),
}

impl Store {
    pub(crate) async fn start(kind: StoreKind) -> Result<Self> {
        match kind {
            StoreKind::S3 => {
                let server = Versitygw::start().await?;
                server.create_bucket(BUCKET)?;
                Ok(Self::S3(Box::new(server)))
            }
            StoreKind::Local => Ok(Self::Local(scratch::folder("store")?)),
        }
    }

    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::S3(_) => "S3 server",
            Self::Local(_) => "Folder",
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::S3(server) => format!("versitygw at {}, with a bucket \"{BUCKET}\"", server.endpoint),
            Self::Local(folder) => folder.path().display().to_string(),
        }
    }

    /// The directory with the objects: versitygw keeps each as a plain file.
    pub(crate) fn folder(&self) -> PathBuf {
        match self {
            Self::S3(server) => server.data().join(BUCKET),
            Self::Local(folder) => folder.path().to_path_buf(),
        }
    }

    /// What our own program finds in it, asked as one would ask it without any Kubernetes; and what was typed.
    pub(crate) fn list(&self) -> Result<(String, String)> {
        let mut command = Command::new(binaries::etcd_backup()?);
        // Nothing of the person's own environment.
        command.env_clear().arg("list");
        match self {
            Self::S3(server) => {
                command.arg(format!("s3://{BUCKET}/{PREFIX}"));
                command.args(["--endpoint-url", &server.endpoint, "--region", Versitygw::REGION]);
                command.arg("--allow-http");
                command
                    .env("AWS_ACCESS_KEY_ID", &server.access_key)
                    .env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
            }
            Self::Local(folder) => {
                command.arg(format!("file://{}", folder.path().display()));
            }
        }
        let output = command.output().context("start etcd-backup list")?;
        ensure!(
            output.status.success(),
            "etcd-backup list: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let words = command.get_args().map(|word| word.to_string_lossy());
        let words = words.collect::<Vec<_>>().join(" ");
        let table = String::from_utf8(output.stdout).context("it printed no text")?;
        Ok((format!("etcd-backup {words}"), table))
    }

    /// `spec.storage` of a plan.
    fn spec(&self, sample: &Value) -> Value {
        match self {
            Self::S3(server) => {
                let mut spec = sample.clone();
                spec["s3"]["bucket"] = json!(BUCKET);
                spec["s3"]["prefix"] = json!(PREFIX);
                spec["s3"]["endpoint"] = json!(server.endpoint);
                spec
            }
            Self::Local(folder) => json!({"local": {"path": folder.path()}}),
        }
    }

    fn operator_flags(&self) -> Vec<String> {
        match self {
            Self::S3(_) => Vec::new(),
            Self::Local(folder) => vec![format!("--local-store-root={}", folder.path().display())],
        }
    }
}

/// The Secrets that the plan names, beside it.
pub(crate) fn secrets(etcd: &Etcd, store: &Store) -> Result<String> {
    let tls = etcd.tls.as_ref().context("the demo's etcd speaks TLS")?;
    let certificates =
        json!({"ca.crt": tls.authority.pem(), "tls.crt": tls.client.cert, "tls.key": tls.client.key});
    let mut secrets = vec![secret("etcd-client", &certificates)];
    if let Store::S3(server) = store {
        let keys =
            json!({"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key});
        secrets.push(secret("s3-credentials", &keys));
    }
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": secrets}).to_string())
}

fn secret(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
}

/// The sample of a plan, with the addresses of this demo.
pub(crate) fn plan(etcd: &Etcd, store: &Store) -> Result<String> {
    let text = fs::read_to_string(binaries::root().join(SAMPLE)).with_context(|| format!("read {SAMPLE}"))?;
    let mut plan: Value = serde_saphyr::from_str(&text).with_context(|| format!("parse {SAMPLE}"))?;
    let spec = &mut plan["spec"];
    spec["etcd"] = json!({"endpoints": etcd.endpoints(), "tls": {"secretName": "etcd-client"}});
    let storage = store.spec(&spec["storage"]);
    spec["storage"] = storage;
    Ok(plan.to_string())
}

/// Objects that are worth a backup.
pub(crate) fn objects(count: u32) -> String {
    let object = |number| {
        let text =
            format!("The quick brown fox jumps over the lazy dog, time and again: {number}. ").repeat(20);
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("worth-a-backup-{number}")},
            "data": {"text": text},
        })
    };
    json!({"apiVersion": "v1", "kind": "List", "items": (0..count).map(object).collect::<Vec<_>>()})
        .to_string()
}

/// Starts the operator with the identity it is installed with.
pub(crate) async fn operator(server: &ApiServer, identity: &Identity, store: &Store) -> Result<Operator> {
    debug_assert_ne!(server.admin_kubeconfig(), identity.kubeconfig);
    Operator::start(identity, &store.operator_flags()).await
}
