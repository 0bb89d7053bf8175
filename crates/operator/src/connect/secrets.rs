//! Reading Secrets: `get` only, one read for all keys, and never a value in an error.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Error as KubeError};
use tokio::time::timeout;

use super::failure::Failure;

/// How long the API server may take to answer for one Secret.
const PATIENCE: Duration = Duration::from_secs(15);

/// The keys of one Secret as they were at one moment (one resourceVersion): a rotation under way cannot mix an
/// old certificate with a new key.
pub(super) struct SecretKeys {
    name: String,
    data: BTreeMap<String, ByteString>,
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKeys")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Where Secrets are read from.
#[derive(Clone, Copy)]
pub enum Secrets<'a> {
    /// The API server.
    Api {
        /// Asks it.
        client: &'a Client,
        /// The namespace of all of them.
        namespace: &'a str,
    },
    /// Directories in which a kubelet has mounted them, one for each, named after it.
    Mounted(&'a Path),
}

impl Secrets<'_> {
    /// All keys of one Secret.
    pub(super) async fn read(&self, name: &str) -> Result<SecretKeys, Failure> {
        match self {
            Self::Api { client, namespace } => read(client, namespace, name).await,
            Self::Mounted(folder) => mounted(folder, name).await,
        }
    }
}

impl fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api { .. } => "Secrets::Api",
            Self::Mounted(_) => "Secrets::Mounted",
        })
    }
}

/// Reads the files of a mounted Secret. What begins with a dot is the kubelet's own.
async fn mounted(folder: &Path, name: &str) -> Result<SecretKeys, Failure> {
    if !is_object_name(name) {
        return Err(Failure::lasting(
            "SecretInvalid",
            "the name of a Secret is not one that Kubernetes accepts",
        ));
    }
    let failed = |_| Failure::transient("SecretNotFound", format!("the Secret {name} is not mounted"));
    let mut entries = tokio::fs::read_dir(folder.join(name)).await.map_err(failed)?;
    let mut data = BTreeMap::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        let key = entry.file_name().to_string_lossy().into_owned();
        if !key.starts_with('.') {
            let value = tokio::fs::read(entry.path()).await.map_err(failed)?;
            data.insert(key, ByteString(value));
        }
    }
    Ok(SecretKeys {
        name: name.to_owned(),
        data,
    })
}

/// Reads a Secret of `namespace`.
///
/// A missing Secret and one that may not be read give the same failure, so that a plan is no way to find out
/// which Secrets exist.
pub(super) async fn read(client: &Client, namespace: &str, name: &str) -> Result<SecretKeys, Failure> {
    if !is_object_name(name) {
        return Err(Failure::lasting(
            "SecretInvalid",
            "the name of a Secret is not one that Kubernetes accepts",
        ));
    }
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match timeout(PATIENCE, api.get(name)).await {
        Ok(Ok(secret)) => Ok(SecretKeys {
            name: name.to_owned(),
            data: secret.data.unwrap_or_default(),
        }),
        Ok(Err(KubeError::Api(status))) if status.is_not_found() || status.is_forbidden() => {
            Err(Failure::transient(
                "SecretNotFound",
                format!(
                    "the Secret {name} does not exist in this namespace, or the operator may not read it"
                ),
            ))
        }
        Ok(Err(KubeError::Api(status))) => Err(unavailable(
            name,
            &format!("the API server answered {}", status.code),
        )),
        Ok(Err(_)) => Err(unavailable(name, "the API server cannot be reached")),
        Err(_) => Err(unavailable(name, "the API server does not answer")),
    }
}

fn unavailable(name: &str, why: &str) -> Failure {
    Failure::transient(
        "SecretUnavailable",
        format!("the Secret {name} cannot be read: {why}"),
    )
}

/// DNS-1123 subdomain. Checked again here because an object may have been stored under an older schema.
fn is_object_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

impl SecretKeys {
    /// The bytes under the first of `keys` that is present: the same thing may go by several names.
    pub(super) fn optional(&self, keys: &[&str]) -> Result<Option<Vec<u8>>, Failure> {
        let Some((key, value)) = keys.iter().find_map(|key| Some((*key, self.data.get(*key)?))) else {
            return Ok(None);
        };
        if value.0.is_empty() {
            return Err(self.invalid(key, "is empty"));
        }
        Ok(Some(value.0.clone()))
    }

    /// As [`Self::optional`], and missing is a failure that names the first of `keys`.
    pub(super) fn required(&self, keys: &[&str]) -> Result<Vec<u8>, Failure> {
        self.optional(keys)?
            .ok_or_else(|| self.invalid(keys.first().unwrap_or(&""), "is missing"))
    }

    /// Text for a header or a login. One line end is taken off: `echo secret | base64` puts one there, and no
    /// user name, password or key ends with one on purpose.
    pub(super) fn text(&self, keys: &[&str]) -> Result<String, Failure> {
        self.as_text(keys, self.required(keys)?)
    }

    /// As [`Self::text`], `None` when there is none.
    pub(super) fn optional_text(&self, keys: &[&str]) -> Result<Option<String>, Failure> {
        self.optional(keys)?
            .map(|value| self.as_text(keys, value))
            .transpose()
    }

    fn as_text(&self, keys: &[&str], value: Vec<u8>) -> Result<String, Failure> {
        let key = keys
            .iter()
            .find(|key| self.data.contains_key(**key))
            .copied()
            .unwrap_or_default();
        let text = String::from_utf8(value).map_err(|_| self.invalid(key, "is not UTF-8 text"))?;
        let line = text
            .strip_suffix("\r\n")
            .or_else(|| text.strip_suffix('\n'))
            .unwrap_or(&text);
        if line.is_empty() {
            return Err(self.invalid(key, "is empty"));
        }
        if line.chars().any(char::is_control) {
            return Err(self.invalid(key, "contains control characters"));
        }
        Ok(line.to_owned())
    }

    /// PEM with at least one block of this kind (`CERTIFICATE`, `PRIVATE KEY`). Whether it parses is found out by
    /// whoever uses it; this catches the usual slip, the wrong file.
    pub(super) fn pem(&self, key: &str, kind: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some(value) = self.optional(&[key])? else {
            return Ok(None);
        };
        let marker = format!("{kind}-----");
        let holds = value.split(|byte| *byte == b'\n').any(|line| {
            let line = line.trim_ascii();
            line.starts_with(b"-----BEGIN ") && line.ends_with(marker.as_bytes())
        });
        if holds {
            Ok(Some(value))
        } else {
            Err(self.invalid(key, &format!("holds no PEM block of a {kind}")))
        }
    }

    /// A failure about one key, never with its value.
    pub(super) fn invalid(&self, key: &str, problem: &str) -> Failure {
        Failure::transient(
            "SecretInvalid",
            format!("the key {key} of the Secret {} {problem}", self.name),
        )
    }
}

#[cfg(test)]
mod tests {
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
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "data": data});
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
        let secret =
            json!({"metadata": {"name": "login"}, "data": {"username": "cm9vdA==", "password": "cHc="}});
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
}
