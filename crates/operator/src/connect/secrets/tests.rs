use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Request, Response};
use serde_json::{Value, json};

use super::*;

/// A client whose every request gets `answer`, and how many there were.
fn client(code: u16, answer: Value) -> (Client, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        assert_eq!(request.uri().path(), "/api/v1/namespaces/prod/secrets/login");
        counted.fetch_add(1, Ordering::SeqCst);
        let body = Body::from(answer.to_string());
        async move { Ok::<_, std::convert::Infallible>(Response::builder().status(code).body(body).unwrap()) }
    });
    (Client::new(service, "prod"), count)
}

async fn keys(data: Value) -> SecretKeys {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": data});
    read(&client(200, secret).0, "prod", "login").await.unwrap()
}

fn refused(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": "CANARY"})
}

#[tokio::test]
async fn missing_and_forbidden_cannot_be_told_apart() {
    let missing = read(&client(404, refused(404, "NotFound")).0, "prod", "login")
        .await
        .unwrap_err();
    let forbidden = read(&client(403, refused(403, "Forbidden")).0, "prod", "login")
        .await
        .unwrap_err();
    assert_eq!(missing, forbidden);
    assert_eq!(missing.reason, "SecretNotFound");
    assert!(missing.message.contains("login") && !missing.message.contains("CANARY"));
}

#[tokio::test]
async fn an_api_server_in_trouble_is_not_a_missing_secret() {
    let failure = read(&client(500, refused(500, "InternalError")).0, "prod", "login")
        .await
        .unwrap_err();
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("SecretUnavailable", true)
    );
    assert!(!failure.message.contains("CANARY"));
}

#[tokio::test]
async fn names_that_are_paths_are_refused_before_any_request() {
    for name in ["../other/login", "other/login", "", "a..b", "-a", "A", "a\nb"] {
        let (client, count) = client(200, json!({}));
        let failure = read(&client, "prod", name).await.unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("SecretInvalid", false)
        );
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn all_keys_come_from_one_read() {
    let secret = json!({"metadata": {"name": "login"}, "data": {"username": "cm9vdA==", "password": "cHc="}});
    let (client, count) = client(200, secret);
    let keys = read(&client, "prod", "login").await.unwrap();
    assert_eq!(
        (
            keys.text(&["username"]).unwrap(),
            keys.text(&["password"]).unwrap()
        ),
        ("root".into(), "pw".into())
    );
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_bad_value_is_named_by_secret_and_key_and_never_shown() {
    // "CANARY" with a control character, invalid UTF-8, and nothing at all.
    for (value, problem) in [
        ("Q0FOQVJZB0I=", "control"),
        ("Q0FOQVJZ/w==", "UTF-8"),
        ("", "empty"),
        ("Cg==", "empty"),
    ] {
        let failure = keys(json!({"password": value}))
            .await
            .text(&["password"])
            .unwrap_err();
        assert_eq!(failure.reason, "SecretInvalid");
        assert!(
            failure.message.contains("login") && failure.message.contains("password"),
            "{failure}"
        );
        assert!(
            failure.message.contains(problem) && !failure.message.contains("CANARY"),
            "{failure}"
        );
    }
    let missing = keys(json!({})).await.text(&["password", "PASSWORD"]).unwrap_err();
    assert!(
        missing
            .message
            .contains("the key password of the Secret login is missing"),
        "{missing}"
    );
}

#[tokio::test]
async fn a_trailing_line_end_is_an_accident() {
    let keys = keys(json!({"password": "cHcK"})).await;
    assert_eq!(keys.text(&["password"]).unwrap(), "pw");
}

#[tokio::test]
async fn a_key_may_go_by_several_names() {
    let keys = keys(json!({"AWS_ACCESS_KEY_ID": "QUtJQQ=="})).await;
    assert_eq!(keys.text(&["accessKeyID", "AWS_ACCESS_KEY_ID"]).unwrap(), "AKIA");
    assert_eq!(keys.optional_text(&["sessionToken"]).unwrap(), None);
}

#[tokio::test]
async fn a_key_file_in_the_place_of_a_certificate_is_noticed() {
    // "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
    let pem = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCkFBPT0KLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo=";
    let keys = keys(json!({"ca.crt": pem, "tls.key": pem})).await;
    assert!(keys.pem("tls.key", "PRIVATE KEY").unwrap().is_some());
    let failure = keys.pem("ca.crt", "CERTIFICATE").unwrap_err();
    assert!(
        failure.message.contains("ca.crt") && failure.message.contains("CERTIFICATE"),
        "{failure}"
    );
    assert_eq!(keys.pem("tls.crt", "CERTIFICATE").unwrap(), None);
}

#[tokio::test]
async fn a_mounted_secret_reads_like_one_from_the_api_server() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("login");
    std::fs::create_dir_all(mount.join("..data")).unwrap();
    std::fs::write(mount.join("password"), "pw\n").unwrap();
    let keys = Secrets::Mounted(folder.path()).read("login").await.unwrap();
    assert_eq!(keys.text(&["password"]).unwrap(), "pw");
    let secrets = Secrets::Mounted(folder.path());
    assert_eq!(secrets.read("absent").await.unwrap_err().reason, "SecretNotFound");
    assert_eq!(secrets.read("../x").await.unwrap_err().reason, "SecretInvalid");
}

#[tokio::test]
async fn debug_shows_no_value() {
    let keys = keys(json!({"password": "Q0FOQVJZ"})).await;
    assert!(!format!("{keys:?}").contains("CANARY"));
}
