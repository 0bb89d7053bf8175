//! From a plan to configurations, with the Secrets of a fake API server.

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

fn tls() -> EtcdBackup {
    let etcd = json!({
        "endpoints": ["https://10.0.0.1:2379"], "auth": {"secretName": "login"},
        "tls": {"secretName": "certificates", "serverName": "etcd.test"},
    });
    plan(&etcd, &json!({"local": {"path": "/backups"}}))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

async fn etcd_failure(secrets: &Secrets<'_>) -> Failure {
    connector(&[], secrets).etcd(&tls()).await.unwrap_err()
}

async fn store(connector: &Connector, plan: &EtcdBackup) -> Result<String, Failure> {
    connector.store(plan, now()).await.map(|store| store.location())
}

#[tokio::test]
async fn a_cluster_gets_its_certificates_and_its_login() {
    let login: &[_] = &[("username", "root"), ("password", "CANARY")];
    let certificates: &[_] = &[
        ("ca.crt", CERTIFICATE),
        ("tls.crt", CERTIFICATE),
        ("tls.key", KEY),
    ];
    let config = connector(&[], &[("login", login), ("certificates", certificates)])
        .etcd(&tls())
        .await
        .unwrap();
    let tls = config.tls.as_ref().unwrap();
    assert_eq!(tls.key_pem.as_deref(), Some(KEY.as_bytes()));
    assert_eq!(tls.server_name.as_deref(), Some("etcd.test"));
    assert_eq!(config.auth.as_ref().unwrap().password, "CANARY");
    assert!(
        config.policy.check_ip("127.0.0.1".parse().unwrap()).is_err(),
        "the administrator's policy applies"
    );
    assert!(!format!("{config:?}").contains("CANARY"));
}

#[tokio::test]
async fn what_is_wrong_with_a_secret_is_said_with_its_name_and_key() {
    let login: &[_] = &[("username", "root"), ("password", "CANARY")];
    let good: &[_] = &[("ca.crt", CERTIFICATE)];
    let cases: [(&Secrets<'_>, &str, [&str; 2]); 6] = [
        (&[("login", login)], "SecretNotFound", ["certificates", ""]),
        (&[("certificates", good)], "SecretNotFound", ["login", ""]),
        (
            &[("certificates", good), ("login", &[("username", "root")])],
            "SecretInvalid",
            ["login", "password"],
        ),
        (
            &[("certificates", &[("tls.crt", CERTIFICATE)]), ("login", login)],
            "SecretInvalid",
            ["certificates", "tls.key"],
        ),
        (
            &[("certificates", &[("tls.key", KEY)]), ("login", login)],
            "SecretInvalid",
            ["certificates", "tls.crt"],
        ),
        (
            &[("certificates", &[("ca.crt", KEY)]), ("login", login)],
            "SecretInvalid",
            ["certificates", "ca.crt"],
        ),
    ];
    for (secrets, reason, named) in cases {
        let failure = etcd_failure(secrets).await;
        assert_eq!(failure.reason, reason, "{failure}");
        assert!(
            named.iter().all(|name| failure.message.contains(name)),
            "{failure}"
        );
        assert!(
            !failure.message.contains("CANARY") && !failure.message.contains("Q0FOQVJZ"),
            "{failure}"
        );
        assert!(
            failure.transient,
            "a Secret can be put right without touching the plan"
        );
    }
}

#[tokio::test]
async fn credentials_may_have_either_style_of_name() {
    for names in [
        ["accessKeyID", "secretAccessKey"],
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ] {
        let connector = connector(&[], &[("keys", &[(names[0], "AKIA"), (names[1], "CANARY")])]);
        let plan = bucket(&json!({"credentials": {"secretName": "keys"}, "prefix": "a/b"}));
        assert_eq!(store(&connector, &plan).await.unwrap(), "s3://backups/a/b");
    }
    let half = connector(&[], &[("keys", &[("accessKeyID", "CANARY")])]);
    let failure = store(&half, &bucket(&json!({"credentials": {"secretName": "keys"}})))
        .await
        .unwrap_err();
    assert_eq!(failure.reason, "SecretInvalid");
    assert!(
        failure.message.contains("AWS_SECRET_ACCESS_KEY") && !failure.message.contains("CANARY"),
        "{failure}"
    );
}

#[tokio::test]
async fn the_operators_own_credentials_go_to_no_endpoint_that_the_administrator_has_not_listed() {
    let plan = bucket(&json!({"endpoint": "https://minio.example.com:9000"}));
    let failure = store(&connector(&[], &[]), &plan).await.unwrap_err();
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("AmbientCredentialsRefused", false)
    );
    let listed = connector(
        &["--ambient-credentials-endpoint=https://minio.example.com:9000"],
        &[],
    );
    assert!(store(&listed, &plan).await.is_ok());
}

#[tokio::test]
async fn an_operator_that_lends_its_credentials_to_nobody_refuses_plans_without_their_own() {
    let keys: &Secrets<'_> = &[("keys", &[("accessKeyID", "A"), ("secretAccessKey", "B")])];
    let amazon = bucket(&json!({}));
    assert!(store(&connector(&[], keys), &amazon).await.is_ok());
    let strict = connector(
        &[
            "--ambient-credentials=false",
            "--ambient-credentials-endpoint=https://minio.example.com",
        ],
        keys,
    );
    for plan in [amazon, bucket(&json!({"endpoint": "https://minio.example.com"}))] {
        let failure = store(&strict, &plan).await.unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("AmbientCredentialsRefused", false)
        );
        assert!(
            failure.message.contains("--ambient-credentials=false")
                && failure.message.contains("storage.s3.credentials")
        );
    }
    let own = bucket(&json!({"credentials": {"secretName": "keys"}}));
    assert!(store(&strict, &own).await.is_ok());
}

#[tokio::test]
async fn endpoints_that_the_policy_forbids_are_refused_before_anything_is_sent() {
    for endpoint in [
        "https://169.254.169.254",
        "https://127.0.0.1:10250",
        "https://kubernetes.default.svc",
        "https://2852039166",
    ] {
        let connector = connector(
            &[],
            &[("keys", &[("accessKeyID", "A"), ("secretAccessKey", "B")])],
        );
        let plan = bucket(&json!({"endpoint": endpoint, "credentials": {"secretName": "keys"}}));
        let failure = store(&connector, &plan).await.unwrap_err();
        assert!(!failure.transient, "{endpoint}: {failure}");
        assert!(
            ["EndpointRefused", "InvalidConfig"].contains(&failure.reason.as_str()),
            "{endpoint}: {failure}"
        );
    }
}

#[tokio::test]
async fn a_plan_without_exactly_one_store_is_invalid() {
    let neither = plan(&json!({"endpoints": ["https://10.0.0.1:2379"]}), &json!({}));
    assert_eq!(
        store(&connector(&[], &[]), &neither).await.unwrap_err().reason,
        "InvalidSpec"
    );
}

#[tokio::test]
async fn a_local_store_needs_an_allowed_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let plan = plan(
        &json!({"endpoints": ["https://10.0.0.1:2379"]}),
        &json!({"local": {"path": path}}),
    );
    assert_eq!(
        store(&connector(&[], &[]), &plan).await.unwrap_err().reason,
        "LocalPathRefused"
    );
    let allowed = connector(&[&format!("--local-store-root={path}")], &[]);
    assert!(store(&allowed, &plan).await.unwrap().starts_with("file:///"));
}

#[tokio::test]
async fn the_cluster_is_known_by_its_immortal_namespace() {
    assert_eq!(connector(&[], &[]).kubernetes_uid().await.unwrap(), "cluster-uid");
}

#[tokio::test]
async fn what_etcd_needs_is_checked_without_asking_etcd() {
    let login: &[_] = &[("username", "root"), ("password", "CANARY")];
    let reason = async |secrets: &Secrets<'_>, plan: &EtcdBackup| {
        let checked = connector(&[], secrets).check_etcd(plan).await;
        checked.err().map(|failure| failure.reason)
    };
    let missing = reason(&[("login", login)], &tls()).await;
    assert_eq!(missing.as_deref(), Some("SecretNotFound"));
    // PEM by its outside, and no certificate inside.
    let nonsense: &[_] = &[("ca.crt", CERTIFICATE)];
    let wrong = reason(&[("login", login), ("certificates", nonsense)], &tls()).await;
    assert_eq!(wrong.as_deref(), Some("CertificateInvalid"));
    let forbidden = plan(
        &json!({"endpoints": ["https://127.0.0.1:2379"]}),
        &json!({"local": {"path": "/backups"}}),
    );
    assert_eq!(reason(&[], &forbidden).await.as_deref(), Some("EndpointRefused"));
    assert_eq!(reason(&[], &bucket(&json!({}))).await, None);
}
