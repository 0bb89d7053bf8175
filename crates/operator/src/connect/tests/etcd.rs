//! What is needed to speak to an etcd.

use super::*;

fn tls() -> EtcdBackup {
    let etcd = json!({
        "endpoints": ["https://10.0.0.1:2379"], "auth": {"secretName": "login"},
        "tls": {"secretName": "certificates", "serverName": "etcd.test"},
    });
    plan(&etcd, &json!({"local": {"path": "/backups"}}))
}

async fn etcd_failure(secrets: &Secrets<'_>) -> Failure {
    connector(&[], secrets).etcd(&tls()).await.unwrap_err()
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
