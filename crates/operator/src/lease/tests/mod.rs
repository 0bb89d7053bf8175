//! Two contenders before a fake API server, on paused time.

mod damage;
mod terms;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use kube::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Elector, Leadership, LeaseSettings};

const DURATION: Duration = Duration::from_secs(15);
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between the moment the loser stops and the earliest moment another starts.
const MARGIN: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(2);
/// A retry period with all its jitter, and room for the requests.
const TICK: Duration = Duration::from_millis(2500);

/// One Lease with optimistic concurrency, as the API server keeps it.
#[derive(Default)]
struct Server {
    lease: Option<Value>,
    version: u64,
    writes: u64,
}

impl Server {
    fn spec(&self, field: &str) -> Value {
        self.lease
            .as_ref()
            .map_or(Value::Null, |lease| lease["spec"][field].clone())
    }

    fn store(&mut self, mut object: Value) -> (StatusCode, Value) {
        self.version += 1;
        self.writes += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(object.clone());
        (StatusCode::OK, object)
    }

    fn answer(&mut self, method: &Method, body: &[u8]) -> (StatusCode, Value) {
        let stored = self.lease.clone();
        match (method, stored) {
            (&Method::GET, Some(lease)) => (StatusCode::OK, lease),
            (&Method::POST, None) => self.store(serde_json::from_slice(body).unwrap()),
            (&Method::POST, Some(_)) => failure(StatusCode::CONFLICT, "AlreadyExists"),
            (&Method::PUT, Some(lease)) => {
                let object: Value = serde_json::from_slice(body).unwrap();
                if object["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"] {
                    self.store(object)
                } else {
                    failure(StatusCode::CONFLICT, "Conflict")
                }
            }
            _ => failure(StatusCode::NOT_FOUND, "NotFound"),
        }
    }
}

fn failure(code: StatusCode, reason: &str) -> (StatusCode, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": reason, "reason": reason, "code": code.as_u16(),
    });
    (code, status)
}

/// The way from one contender to the server.
#[derive(Clone, Default)]
struct Link {
    /// Requests vanish.
    cut: Arc<AtomicBool>,
    /// Requests arrive, answers vanish.
    deaf: Arc<AtomicBool>,
}

fn client(server: &Arc<Mutex<Server>>, link: &Link) -> Client {
    let (server, link) = (Arc::clone(server), link.clone());
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let (server, link) = (Arc::clone(&server), link.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
            if link.cut.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let (code, object) = server.lock().unwrap().answer(&parts.method, &body);
            if link.deaf.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            let body = Body::from(serde_json::to_vec(&object).unwrap());
            Ok::<_, std::convert::Infallible>(
                Response::builder()
                    .status(code)
                    .header("content-type", "application/json")
                    .body(body)
                    .unwrap(),
            )
        }
    });
    Client::new(service, "operators")
}

struct Contender {
    leadership: Leadership,
    link: Link,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Contender {
    fn start(server: &Arc<Mutex<Server>>, identity: &str, clock_offset: TimeDelta) -> Self {
        let link = Link::default();
        let settings = LeaseSettings {
            namespace: "operators".into(),
            name: "etcd-backup-operator".into(),
            identity: identity.into(),
            duration: DURATION,
            renew_deadline: RENEW_DEADLINE,
            retry_period: RETRY,
        };
        let (epoch, start) = (
            DateTime::<Utc>::from_timestamp(1_795_000_000, 0).unwrap(),
            Instant::now(),
        );
        let clock = Arc::new(move || epoch + clock_offset + start.elapsed());
        let (elector, leadership) = Elector::new(client(server, &link), settings, clock);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(elector.run(shutdown.clone()));
        Self {
            leadership,
            link,
            shutdown,
            task,
        }
    }

    async fn leads_within(&self, limit: Duration) -> bool {
        timeout(limit, self.leadership.wait_until_leader()).await.is_ok()
    }
}

fn server() -> Arc<Mutex<Server>> {
    Arc::new(Mutex::new(Server::default()))
}

async fn leader_and_follower(server: &Arc<Mutex<Server>>) -> (Contender, Contender) {
    let first = Contender::start(server, "first", TimeDelta::zero());
    assert!(first.leads_within(TICK).await);
    let second = Contender::start(server, "second", TimeDelta::zero());
    sleep(TICK).await;
    assert!(!second.leadership.is_leader());
    (first, second)
}
