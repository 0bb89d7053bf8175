//! From a plan to configurations, with the Secrets of a fake API server.

mod etcd;
mod store;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use chrono::{DateTime, Utc};
use clap::Parser;
use etcd_backup_api::EtcdBackup;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use serde_json::{Value, json};

use super::{Connector, Failure};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::settings::Settings;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nQ0FOQVJZ\n-----END EC PRIVATE KEY-----\n";

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    settings: Settings,
}

/// Secrets by name, each with its keys.
type Secrets<'a> = [(&'a str, &'a [(&'a str, &'a str)])];

/// A client of an API server with these Secrets in the namespace `prod`.
fn client(secrets: &Secrets<'_>) -> Client {
    let stored: BTreeMap<String, Value> = secrets
        .iter()
        .map(|(name, keys)| {
            let data = keys
                .iter()
                .map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec())))
                .collect();
            let secret = Secret {
                data: Some(data),
                ..Secret::default()
            };
            (
                format!("/api/v1/namespaces/prod/secrets/{name}"),
                serde_json::to_value(secret).unwrap(),
            )
        })
        .collect();
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let missing = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
        let (code, object) = match request.uri().path() {
            "/api/v1/namespaces/kube-system" => (
                200,
                json!({"metadata": {"name": "kube-system", "uid": "cluster-uid"}}),
            ),
            path => stored
                .get(path)
                .map_or((404, missing), |secret| (200, secret.clone())),
        };
        let response = Response::builder()
            .status(code)
            .body(Body::from(object.to_string()))
            .unwrap();
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    Client::new(service, "prod")
}

fn connector(flags: &[&str], secrets: &Secrets<'_>) -> Connector {
    let flags = ["operator", "--leader-elect=false"].iter().chain(flags);
    let settings = Command::try_parse_from(flags)
        .unwrap_or_else(|error| panic!("{error}"))
        .settings;
    Connector::new(
        client(secrets),
        &settings,
        Arc::new(Metrics::new(Leadership::always())),
    )
}

fn plan(etcd: &Value, storage: &Value) -> EtcdBackup {
    let object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup",
        "metadata": {"namespace": "prod", "name": "main", "uid": "plan-uid"},
        "spec": {"etcd": etcd, "storage": storage},
    });
    serde_json::from_value(object).unwrap()
}

fn bucket(extra: &Value) -> EtcdBackup {
    let mut s3 = json!({"bucket": "backups", "region": "eu-central-1"});
    s3.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    plan(
        &json!({"endpoints": ["https://10.0.0.1:2379"]}),
        &json!({"s3": s3}),
    )
}

#[tokio::test]
async fn the_cluster_is_known_by_its_immortal_namespace() {
    assert_eq!(connector(&[], &[]).kubernetes_uid().await.unwrap(), "cluster-uid");
}
