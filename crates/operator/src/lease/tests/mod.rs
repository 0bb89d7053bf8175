//! Two contenders before a fake API server, on paused time.

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

#[tokio::test(start_paused = true)]
async fn of_two_contenders_one_leads_and_stays() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    for _ in 0..600 {
        sleep(Duration::from_secs(1)).await;
        assert!(first.leadership.is_leader());
        assert!(!second.leadership.is_leader());
    }
    assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(0));
    assert_eq!(server.lock().unwrap().spec("holderIdentity"), json!("first"));
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_at_the_next_look() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.shutdown.cancel();
    first.task.await.unwrap();
    assert!(!first.leadership.is_leader());
    assert!(second.leads_within(TICK).await);
    assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_before_another_starts() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    let tenure = first.leadership.tenure().unwrap();
    first.link.cut.store(true, Ordering::SeqCst);
    let cut = Instant::now();

    tenure.lost().await;
    let stopped = cut.elapsed();
    assert!(tenure.fence().is_err() && !first.leadership.is_leader());
    assert!(stopped <= RENEW_DEADLINE, "stopped after {stopped:?}");
    assert!(!second.leadership.is_leader());

    second.leadership.wait_until_leader().await;
    let margin = cut.elapsed().saturating_sub(stopped);
    assert!(
        margin >= MARGIN.saturating_sub(TICK),
        "only {margin:?} between the two"
    );
    assert!(
        cut.elapsed() <= DURATION + TICK + TICK,
        "took over after {:?}",
        cut.elapsed()
    );

    first.link.cut.store(false, Ordering::SeqCst);
    sleep(DURATION * 2).await;
    assert!(
        !first.leadership.is_leader(),
        "the loser comes back as a follower"
    );
    assert!(second.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn renewals_whose_answers_are_lost_do_not_count_and_the_old_term_stays_shut() {
    let server = server();
    let first = Contender::start(&server, "first", TimeDelta::zero());
    assert!(first.leads_within(TICK).await);
    let tenure = first.leadership.tenure().unwrap();
    first.link.deaf.store(true, Ordering::SeqCst);
    tenure.lost().await;
    first.link.deaf.store(false, Ordering::SeqCst);
    assert!(first.leads_within(DURATION).await);
    assert!(
        tenure.fence().is_err(),
        "work of the old term must not go on in the new one"
    );
    assert!(first.leadership.tenure().unwrap().fence().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_created_again_by_its_holder() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    for _ in 0..5 {
        server.lock().unwrap().lease = None;
        for _ in 0..30 {
            sleep(Duration::from_millis(300)).await;
            assert!(first.leadership.is_leader() && !second.leadership.is_leader());
        }
        assert_eq!(server.lock().unwrap().spec("holderIdentity"), json!("first"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_deleted_under_a_dead_holder_is_taken_after_its_duration() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.task.abort();
    server.lock().unwrap().lease = None;
    sleep(RENEW_DEADLINE.saturating_sub(TICK)).await;
    assert!(
        !second.leadership.is_leader(),
        "the dead holder's promise is still running"
    );
    assert!(second.leads_within(DURATION).await);
}

#[tokio::test(start_paused = true)]
async fn a_former_leader_that_finds_no_lease_allows_for_a_successor_it_never_saw() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    first.link.cut.store(true, Ordering::SeqCst);
    second.leadership.wait_until_leader().await;
    // The lease vanishes while the successor cannot see it; the former leader comes back first.
    second.link.cut.store(true, Ordering::SeqCst);
    server.lock().unwrap().lease = None;
    first.link.cut.store(false, Ordering::SeqCst);
    for _ in 0..200 {
        assert!(
            !(first.leadership.is_leader() && second.leadership.is_leader()),
            "two leaders"
        );
        sleep(Duration::from_millis(100)).await;
    }
    assert!(first.leads_within(DURATION).await);
}

#[tokio::test(start_paused = true)]
async fn clocks_hours_apart_change_nothing() {
    for hours in [-9000, -2, 2, 9000] {
        let server = server();
        let first = Contender::start(&server, "first", TimeDelta::hours(hours));
        assert!(first.leads_within(TICK).await);
        let second = Contender::start(&server, "second", TimeDelta::zero());
        for _ in 0..60 {
            sleep(Duration::from_secs(1)).await;
            assert!(first.leadership.is_leader() && !second.leadership.is_leader());
        }
        first.task.abort();
        let dead = Instant::now();
        second.leadership.wait_until_leader().await;
        // The last renewal is noticed up to a tick late, its age another tick late.
        let took = dead.elapsed();
        assert!(
            took >= DURATION.saturating_sub(TICK) && took <= DURATION + TICK + TICK,
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_with_garbage_is_replaced_within_the_duration() {
    let garbage = [
        json!({"holderIdentity": "ghost", "renewTime": "9999-12-31T23:59:59.000000Z", "leaseDurationSeconds": 15}),
        json!({"holderIdentity": "ghost", "renewTime": "yesterday", "leaseDurationSeconds": -3, "leaseTransitions": -7}),
        json!({"holderIdentity": "ghost", "renewTime": 12, "leaseDurationSeconds": "long", "leaseTransitions": "many"}),
        json!({"holderIdentity": "ghost"}),
    ];
    for spec in garbage {
        let server = server();
        server.lock().unwrap().store(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "etcd-backup-operator", "namespace": "operators"}, "spec": spec,
        }));
        let started = Instant::now();
        let contender = Contender::start(&server, "first", TimeDelta::zero());
        contender.leadership.wait_until_leader().await;
        assert!(
            started.elapsed() >= DURATION,
            "a holder that may live was not waited for"
        );
        assert!(started.elapsed() <= DURATION + TICK);
        assert_eq!(server.lock().unwrap().spec("leaseTransitions"), json!(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_a_usable_holder_is_taken_at_once() {
    for spec in [
        json!({}),
        json!({"holderIdentity": ""}),
        json!({"holderIdentity": null}),
        json!({"holderIdentity": 7}),
    ] {
        let server = server();
        server.lock().unwrap().store(json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "etcd-backup-operator", "namespace": "operators"}, "spec": spec,
        }));
        assert!(
            Contender::start(&server, "first", TimeDelta::zero())
                .leads_within(TICK)
                .await
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_absurd_lease_duration_does_not_stop_backups_for_good() {
    let server = server();
    server.lock().unwrap().store(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "etcd-backup-operator", "namespace": "operators"},
        "spec": {"holderIdentity": "ghost", "leaseDurationSeconds": 2_147_483_647},
    }));
    let contender = Contender::start(&server, "first", TimeDelta::zero());
    assert!(contender.leads_within(Duration::from_mins(5) + TICK).await);
}

#[tokio::test(start_paused = true)]
async fn an_edited_lease_deposes_the_leader_at_its_next_renewal() {
    let server = server();
    let (first, _second) = leader_and_follower(&server).await;
    {
        let mut server = server.lock().unwrap();
        let mut lease = server.lease.clone().unwrap();
        lease["spec"]["holderIdentity"] = json!("somebody");
        server.store(lease);
    }
    assert!(timeout(TICK, first.leadership.lost()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_knows_at_once_that_its_time_is_over() {
    let server = server();
    let (first, second) = leader_and_follower(&server).await;
    let tenure = first.leadership.tenure().unwrap();
    // As after SIGSTOP: the elector's task has not run for a minute, the work's task runs first.
    first.link.cut.store(true, Ordering::SeqCst);
    first.task.abort();
    sleep(Duration::from_mins(1)).await;
    assert!(tenure.fence().is_err() && first.leadership.fence().is_err());
    assert!(timeout(Duration::from_millis(1), tenure.lost()).await.is_ok());
    assert!(second.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn without_election_the_process_always_leads() {
    let leadership = Leadership::always();
    leadership.wait_until_leader().await;
    assert!(leadership.fence().is_ok());
    assert!(timeout(Duration::from_hours(1), leadership.lost()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn one_write_per_renewal() {
    let server = server();
    let first = Contender::start(&server, "first", TimeDelta::zero());
    assert!(first.leads_within(TICK).await);
    let before = server.lock().unwrap().writes;
    sleep(RETRY * 10).await;
    let writes = server.lock().unwrap().writes - before;
    assert!((8..=10).contains(&writes), "{writes} writes in ten retry periods");
}

#[test]
fn two_lives_of_one_pod_have_different_identities() {
    assert_ne!(super::identity("operator-0"), super::identity("operator-0"));
    assert!(super::identity("operator-0").starts_with("operator-0_"));
}
