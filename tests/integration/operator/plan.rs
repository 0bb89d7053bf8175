//! Writing a plan down, as a user would.

use harness::{etcd::Etcd, s3::S3Server};
use serde_json::{Value, json};

use super::case::Case;

/// Where in a bucket plans store.
pub(super) const PREFIX: &str = "backups";
/// The Secret with the keys of a case's store.
pub(super) const STORE_SECRET: &str = "s3-credentials";
/// The Secret with the certificates of an etcd.
pub(super) const TLS_SECRET: &str = "etcd-client";
/// The Secret with the user of an etcd.
pub(super) const AUTH_SECRET: &str = "etcd-user";

/// A plan that is being written.
#[derive(Debug, Clone)]
pub(super) struct Plan(pub(super) Value);

impl Plan {
    /// On demand only, tried once, into the case's own bucket.
    pub(super) fn new(name: &str, etcd: &Etcd, case: &Case) -> Self {
        let mut cluster = json!({"endpoints": etcd.endpoints()});
        if etcd.tls.is_some() {
            cluster["tls"] = json!({"secretName": TLS_SECRET});
        }
        if etcd.auth.is_some() {
            cluster["auth"] = json!({"secretName": AUTH_SECRET});
        }
        let s3 = json!({
            "bucket": case.bucket, "prefix": PREFIX, "endpoint": case.endpoint, "allowHTTP": true,
            "credentials": {"secretName": STORE_SECRET},
        });
        Self(json!({
            "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup", "metadata": {"name": name},
            "spec": {"etcd": cluster, "storage": {"s3": s3}, "retries": 0, "timeout": "2m"},
        }))
    }

    /// Sets a field below `spec`, named by a path such as `storage/s3/bucket`.
    pub(super) fn with(mut self, path: &str, value: Value) -> Self {
        let mut field = &mut self.0["spec"];
        for part in path.split('/') {
            field = &mut field[part];
        }
        *field = value;
        self
    }

    /// The same under another name.
    pub(super) fn named(mut self, name: &str) -> Self {
        self.0["metadata"]["name"] = json!(name);
        self
    }

    /// Leaves a field of `spec.storage.s3` out.
    pub(super) fn without_s3(mut self, field: &str) -> Self {
        if let Some(fields) = self.0["spec"]["storage"]["s3"].as_object_mut() {
            fields.remove(field);
        }
        self
    }

    /// Into the server in this process. The case's Secret must hold its keys: see [`Case::stores_in_process`].
    pub(super) fn into(self, server: &S3Server) -> Self {
        self.with("storage/s3/endpoint", json!(server.endpoint))
    }

    pub(super) fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }
}
