//! What agents say of their progress, heard at the ends of their pods' logs.
//!
//! Nothing waits for it and nothing depends on it: whoever may not read logs sees no progress, and that is all. A log is what
//! somebody's pod printed, so only a little of it is read and less is believed: see [`Said`].

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, LogParams};
use kube::{Client, ResourceExt};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::containers::at_work;
use crate::agent::Said;
use crate::explain::api_error;

/// How often one pod is asked: somewhat seldomer than it says something.
const EVERY: Duration = Duration::from_secs(3);

/// How long a log may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a pod is left alone whose log cannot be read: the node may be away.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// How long a namespace is left alone in which logs may not be read.
const AFTER_REFUSAL: Duration = Duration::from_mins(10);

/// A pod that nobody has asked about for so long is forgotten.
const REMEMBERED: Duration = Duration::from_mins(10);

/// How much of a log is read, from its end: some warnings may follow the line that counts.
const LINES: i64 = 20;
const BYTES: u32 = 16 << 10;

/// Listens to pods. Cheap to clone.
#[derive(Clone)]
pub struct Listener {
    client: Client,
    heard: Arc<Mutex<Heard>>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}

impl Listener {
    /// Listens through `client`.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            heard: Arc::default(),
        }
    }

    /// How far the agent in a pod is, as it was last heard. Where that is some time ago it is asked, beside whoever calls: the
    /// next call has the answer. `None` while nothing of ours runs in the pod, or nothing was heard.
    pub fn hear(&self, pod: &Pod) -> Option<Said> {
        let container = at_work(pod)?;
        let (uid, namespace) = (pod.uid()?, pod.namespace()?);
        let (said, due) = self.lock().look_up(&uid, &namespace, Instant::now());
        if due {
            let (this, name, container) = (self.clone(), pod.name_any(), container.to_owned());
            tokio::spawn(async move {
                let answer = this.ask(&namespace, &name, container).await;
                this.answered(&uid, &namespace, &name, answer);
            });
        }
        said
    }

    async fn ask(&self, namespace: &str, pod: &str, container: String) -> Answer {
        let end = LogParams {
            container: Some(container),
            tail_lines: Some(LINES),
            limit_bytes: Some(BYTES.into()),
            ..LogParams::default()
        };
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let read = async {
            let log = pods.log_stream(pod, &end).await.map_err(|error| match &error {
                kube::Error::Api(status) if status.code == 403 => Deaf::Refused(api_error(&error)),
                _ => Deaf::Failed(api_error(&error)),
            })?;
            // Whoever answers may send more than was asked for.
            let mut log = pin!(log.take(BYTES.into()));
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes)
                .await
                .map_err(|error| Deaf::Failed(error.to_string()))?;
            Ok(Said::newest(&String::from_utf8_lossy(&bytes)))
        };
        let late = || Deaf::Failed("the API server does not answer".to_owned());
        timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(late()))
    }

    fn answered(&self, uid: &str, namespace: &str, pod: &str, answer: Answer) {
        let now = Instant::now();
        match answer {
            Ok(said) => self.lock().note(uid, said, now),
            Err(Deaf::Refused(why)) => {
                if self.lock().refused(namespace, now) {
                    warn!(namespace, pod, "No progress of Jobs is shown: {why}");
                }
            }
            Err(Deaf::Failed(why)) => {
                debug!(namespace, pod, "cannot read the log: {why}");
                self.lock().failed(uid, now);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = Result<Option<Said>, Deaf>;

/// Why nothing was heard.
enum Deaf {
    /// It is not allowed.
    Refused(String),
    /// It did not work.
    Failed(String),
}

/// What was heard, and when to listen again.
#[derive(Default)]
struct Heard {
    /// By the UID of the pod.
    pods: HashMap<String, Voice>,
    /// Namespaces in which logs may not be read, and until when they are left alone.
    refused: HashMap<String, Instant>,
}

struct Voice {
    said: Option<Said>,
    next: Instant,
}

impl Heard {
    /// What a pod said last, and whether it is to be asked now.
    fn look_up(&mut self, uid: &str, namespace: &str, now: Instant) -> (Option<Said>, bool) {
        self.pods.retain(|_, voice| now < voice.next + REMEMBERED);
        let refused = self.refused.get(namespace).is_some_and(|until| now < *until);
        let voice = self.pods.entry(uid.to_owned()).or_insert(Voice {
            said: None,
            next: now,
        });
        let due = now >= voice.next && !refused;
        if due {
            // Nobody asks beside the one who does.
            voice.next = now + PATIENCE + EVERY;
        }
        (voice.said, due)
    }

    fn note(&mut self, uid: &str, said: Option<Said>, now: Instant) {
        if let Some(voice) = self.pods.get_mut(uid) {
            voice.next = now + EVERY;
            if let Some(said) = said {
                voice.said = Some(voice.said.map_or(said, |before| said.after(before)));
            }
        }
    }

    fn failed(&mut self, uid: &str, now: Instant) {
        if let Some(voice) = self.pods.get_mut(uid) {
            voice.next = now + AFTER_FAILURE;
        }
    }

    /// Answers whether that is news: it is told once for a namespace.
    fn refused(&mut self, namespace: &str, now: Instant) -> bool {
        self.refused
            .insert(namespace.to_owned(), now + AFTER_REFUSAL)
            .is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;
    use tokio::time::sleep;

    use super::*;
    use crate::agent::Stage;

    fn pod(container: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "pod", "namespace": "ns", "uid": "pod-uid"},
            "status": {"phase": "Running", "containerStatuses": [{
                "name": container, "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-11-23T06:00:00Z"}},
            }]},
        }))
        .unwrap()
    }

    /// A listener to an API server that answers every question so, and counts them.
    fn listener(code: u16, body: &str) -> (Listener, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, body) = (Arc::clone(&asked), body.as_bytes().to_vec());
        let service = tower::service_fn(move |request: axum::http::Request<kube::client::Body>| {
            count.fetch_add(1, Ordering::SeqCst);
            assert_eq!(request.uri().path(), "/api/v1/namespaces/ns/pods/pod/log");
            let query = request.uri().query().unwrap_or_default();
            for part in ["container=agent", "tailLines=20", "limitBytes=16384"] {
                assert!(query.contains(part), "{query}");
            }
            let answer = axum::http::Response::builder()
                .status(code)
                .body(kube::client::Body::from(body.clone()))
                .unwrap();
            async move { Ok::<_, Infallible>(answer) }
        });
        (Listener::new(Client::new(service, "default")), asked)
    }

    /// Looks once a second for so many seconds, and gives what was heard last.
    async fn listen(listener: &Listener, pod: &Pod, seconds: u64) -> Option<Said> {
        let mut said = None;
        for _ in 0..seconds {
            said = listener.hear(pod);
            sleep(Duration::from_secs(1)).await;
        }
        said
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_works_is_asked_now_and_then_and_others_are_not() {
        let (listener, asked) = listener(200, "hello\nprogress stage=streaming bytes=7 total=9\nbye\n");
        assert_eq!(listen(&listener, &pod("etcd"), 10).await, None);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        let said = listen(&listener, &pod("agent"), 60).await;
        let wanted = Said {
            stage: Stage::Streaming,
            bytes: 7,
            total: Some(9),
        };
        assert_eq!(said, Some(wanted));
        let asked = asked.load(Ordering::SeqCst);
        assert!((15..=20).contains(&asked), "{asked} times in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_beginning_of_an_endless_answer_is_read() {
        let endless = "x".repeat(1 << 20) + "\nprogress stage=streaming bytes=7\n";
        let (listener, _) = listener(200, &endless);
        assert_eq!(listen(&listener, &pod("agent"), 10).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_may_not_listen_does_not_try_again_for_a_while() {
        let forbidden = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": "User \"x\" cannot get resource \"pods/log\"",
        });
        let (listener, asked) = listener(403, &forbidden.to_string());
        assert_eq!(listen(&listener, &pod("agent"), 500).await, None);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        listen(&listener, &pod("agent"), 200).await;
        assert_eq!(asked.load(Ordering::SeqCst), 2, "somebody may have allowed it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_cannot_be_read_is_not_asked_for_without_pause() {
        let (listener, asked) = listener(500, "the node is away");
        listen(&listener, &pod("agent"), 60).await;
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn what_was_heard_is_forgotten_with_the_pod() {
        let mut heard = Heard::default();
        let start = Instant::now();
        heard.look_up("old", "ns", start);
        heard.look_up("new", "ns", start + Duration::from_hours(1));
        assert_eq!(heard.pods.keys().collect::<Vec<_>>(), ["new"]);
    }
}
