//! Which stores are opened, and with whose credentials.

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

async fn store(connector: &Connector, plan: &EtcdBackup) -> Result<String, Failure> {
    connector.store(plan, now()).await.map(|store| store.location())
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
