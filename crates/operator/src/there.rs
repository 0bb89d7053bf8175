//! Whether a namespace is there that is to be watched.

use std::time::Duration;

use etcd_backup_api::{EtcdSnapshot, EtcdSnapshotSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::cache::{WatchTrouble, report};
use crate::read::PATIENCE;

/// How long until it is asked for again.
const AGAIN: Duration = Duration::from_secs(30);

/// Says in `trouble` that there is no such namespace, for as long as there is none. Ends when it is there.
///
/// To lists and watches one that does not exist is as good as an empty one, and an operator has no right to read namespaces. But
/// nothing can be created in it, which shows without anything being created.
pub(crate) async fn look_for(
    client: &Client,
    namespace: &str,
    trouble: &watch::Sender<Option<WatchTrouble>>,
) {
    loop {
        let is_there = is_there(client, namespace).await;
        let missing = || WatchTrouble {
            undefined: false,
            text: format!(
                "there is no namespace {namespace}, which --watch-namespace names: is it mistyped?"
            ),
        };
        report(trouble, "namespaces", (is_there == Some(false)).then(missing));
        if is_there == Some(true) {
            return;
        }
        sleep(AGAIN).await;
    }
}

/// Whether something could be created there. `None`: nobody could say, for want of a right or of an answer. Then the watches say
/// what is wrong.
async fn is_there(client: &Client, namespace: &str) -> Option<bool> {
    let api: Api<EtcdSnapshot> = Api::namespaced(client.clone(), namespace);
    let spec = EtcdSnapshotSpec {
        backup_name: "none".to_owned(),
        pin: false,
    };
    let nothing = EtcdSnapshot::new("is-the-namespace-there", spec);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    match timeout(PATIENCE, api.create(&dry, &nothing)).await.ok()? {
        Ok(_) => Some(true),
        Err(kube::Error::Api(status)) => match status.code {
            404 => {
                let of_namespace = status.details.is_some_and(|details| details.kind == "namespaces");
                of_namespace.then_some(false)
            }
            // It would be, were it not there already, or other than it is.
            409 | 422 => Some(true),
            _ => None,
        },
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::body::Body;
    use axum::http::{Method, Request, Response};
    use serde_json::{Value, json};
    use tokio::time::advance;

    use super::*;

    /// An API server that answers a dry run of creating something with this.
    fn server(answer: Arc<Mutex<(u16, Value)>>) -> Client {
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            assert_eq!(request.method(), Method::POST);
            let uri = request.uri();
            assert!(uri.path().ends_with("/namespaces/typo/etcdsnapshots"), "{uri}");
            assert!(
                uri.query().is_some_and(|query| query.contains("dryRun=All")),
                "{uri}"
            );
            let (code, object) = answer.lock().unwrap().clone();
            let response = Response::builder().status(code);
            let response = response.body(Body::from(object.to_string())).unwrap();
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        Client::new(service, "ns")
    }

    /// As kube-apiserver's admission plugin NamespaceLifecycle refuses it.
    fn missing() -> (u16, Value) {
        let details = json!({"name": "typo", "kind": "namespaces"});
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
            "message": "namespaces \"typo\" not found", "details": details,
        });
        (404, status)
    }

    fn refused(code: u16) -> (u16, Value) {
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "No", "code": code, "message": "no",
        });
        (code, status)
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_not_there_is_told_until_it_is() {
        let answer = Arc::new(Mutex::new(missing()));
        let client = server(Arc::clone(&answer));
        let (trouble, mut told) = watch::channel(Some(WatchTrouble::not_yet()));
        let looking = tokio::spawn(async move {
            look_for(&client, "typo", &trouble).await;
            trouble
        });
        told.changed().await.unwrap();
        let text = told.borrow_and_update().clone().unwrap().text;
        assert!(text.contains("no namespace typo"), "{text}");
        // It is created after all.
        let object = EtcdSnapshot::new(
            "x",
            EtcdSnapshotSpec {
                backup_name: "none".to_owned(),
                pin: false,
            },
        );
        *answer.lock().unwrap() = (201, serde_json::to_value(object).unwrap());
        advance(AGAIN).await;
        told.changed().await.unwrap();
        assert_eq!(*told.borrow_and_update(), None);
        looking.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_refused_for_another_reason_says_nothing_of_a_namespace_that_is_missing() {
        for (answer, is) in [
            (missing(), Some(false)),
            (refused(409), Some(true)),
            (refused(422), Some(true)),
            (refused(404), None),
            (refused(403), None),
            (refused(500), None),
        ] {
            let code = answer.0;
            let client = server(Arc::new(Mutex::new(answer)));
            assert_eq!(is_there(&client, "typo").await, is, "{code}");
        }
    }
}
