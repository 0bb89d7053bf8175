//! Whole reconciles against an API server that records what it is asked: the order of what is done, and what is
//! not done when a step fails.

mod again;
mod edited;
mod plans;
mod snapshots;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use chrono::TimeDelta;
use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use etcd_backup_backup::catalogue::Catalogue;
use etcd_backup_backup::write::Progress;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::watcher::Event;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Backoffs, ReconcileError, drive};
use crate::cache::{Cache, Key, PlanObject, SnapshotObject, Writers};
use crate::context::{Clock, Context, Scope, Shared};
use crate::events::Events;
use crate::fixtures::{at, plan, snapshot};
use crate::lease::Leadership;
use crate::listing::Ledger;
use crate::metrics::Metrics;
use crate::runs::{Execute, Limits, RunRequest, RunResult, RunState, Runs};
use crate::upkeep::{Bounds, Job, Tend, Tended, Upkeep, Work};
use crate::wake::Wake;

const ME: &str = "pod-a_1";

/// What the API server was asked: verb and path.
#[derive(Clone, Default)]
struct Server {
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

/// An answer that differs from "done": for this verb and end of a path, this code and object.
type Answer = (Method, &'static str, u16, Value);

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
                let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let path = parts.uri.path().rsplit("/namespaces/").next().unwrap().to_owned();
                server
                    .asked
                    .lock()
                    .unwrap()
                    .push((format!("{} {path}", parts.method), body.clone()));
                let answers = server.answers.lock().unwrap();
                let special = answers
                    .iter()
                    .find(|(method, end, ..)| *method == parts.method && path.ends_with(end));
                let (code, object) =
                    special.map_or((200, body), |(_, _, code, object)| (*code, object.clone()));
                let response = Response::builder()
                    .status(code)
                    .body(Body::from(object.to_string()))
                    .unwrap();
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        Client::new(service, "ns")
    }

    fn answers(&self, method: Method, end: &'static str, code: u16, object: Value) {
        // The latest counts.
        self.answers
            .lock()
            .unwrap()
            .insert(0, (method, end, code, object));
    }

    fn asked(&self) -> Vec<String> {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .map(|(what, _)| what.clone())
            .collect()
    }

    fn body(&self, what: &str) -> Value {
        let bodies = self.bodies(what);
        let first = bodies.into_iter().next();
        first.unwrap_or_else(|| panic!("nobody asked {what}"))
    }

    /// What came with each request of this kind.
    fn bodies(&self, what: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        let such = asked.iter().filter(|(asked, _)| asked == what);
        such.map(|(_, body)| body.clone()).collect()
    }
}

fn refusal(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason, "reason": reason, "code": code})
}

/// Runs go on for ever.
struct Endless;

#[async_trait]
impl Execute for Endless {
    async fn execute(&self, _: &RunRequest, _: Arc<Progress>, _: CancellationToken) -> RunResult {
        std::future::pending().await
    }
}

/// Every store is empty.
struct Empty;

#[async_trait]
impl Tend for Empty {
    async fn tend(&self, plan: &EtcdBackup, work: &Work) -> Tended {
        let mut tended = Tended::failed(work, &crate::connect::Failure::lasting("Never", "shown"));
        let s3 = plan.spec.storage.s3.as_ref();
        tended.location = s3.map(|s3| format!("s3://{}", s3.bucket));
        tended.catalogue = Ok(Arc::new(Catalogue::default()));
        tended
    }
}

/// A leading process with everything but a network.
struct Bench {
    server: Server,
    context: Arc<Context>,
    writers: Writers,
    listed: UnboundedReceiver<kube::runtime::reflector::ObjectRef<EtcdBackup>>,
}

impl Bench {
    fn new() -> Self {
        let server = Server::default();
        let client = server.client();
        let clock: Clock = Arc::new(|| at("06:00:00"));
        let leadership = Leadership::always();
        let metrics = Arc::new(Metrics::new(leadership.clone()));
        let (snapshots, _) = unbounded_channel();
        let (plans, listed) = unbounded_channel();
        let settings = crate::settings::Settings::for_tests();
        let errands = crate::restore::Errands::new(
            crate::connect::Connector::new(client.clone(), &settings, Arc::clone(&metrics)),
            Arc::default(),
            unbounded_channel().0,
            Arc::clone(&clock),
        );
        let drills = crate::drill::Drills::new(
            client.clone(),
            crate::jobs::Listener::new(client.clone()),
            Arc::default(),
            unbounded_channel().0,
            Arc::clone(&clock),
        );
        let shared = Shared {
            runs: Runs::new(
                Arc::new(Endless),
                Limits::default(),
                snapshots,
                Arc::clone(&metrics),
                Arc::clone(&clock),
            ),
            waits: crate::runs::Waits::default(),
            upkeep: Upkeep::new(Arc::new(Empty), Bounds::default(), plans, Arc::clone(&clock)),
            events: Events::new(client.clone(), ME),
            listener: crate::jobs::Listener::new(client.clone()),
            client,
            clock,
            metrics,
            identity: ME.to_owned(),
            resync: TimeDelta::hours(1),
            deletion_timeout: TimeDelta::hours(1),
            ledger: Arc::new(Ledger::default()),
            own_writes: Arc::default(),
            in_use: Arc::default(),
            errands,
            drills,
            job_policy: Arc::default(),
            stopping: Arc::new(AtomicBool::new(false)),
        };
        let writers = Writers::default();
        let cache = Cache::new(&writers);
        let scope = Arc::new(Scope {
            namespace: None,
            cache,
            plans: Wake::default(),
            snapshots: Wake::default(),
            restores: Wake::default(),
        });
        let tenure = leadership.tenure().unwrap();
        let context = Arc::new(Context {
            shared,
            scope,
            tenure,
            backoffs: Arc::new(Backoffs::default()),
        });
        Self {
            server,
            context,
            writers,
            listed,
        }
    }

    /// What the API server has, and the watch shows.
    fn show_plan(&mut self, plan: &EtcdBackup) -> Arc<PlanObject> {
        self.has_plan(plan);
        let object = DeserializeGuard(Ok(plan.clone()));
        self.writers
            .plans
            .apply_watcher_event(&Event::Apply(object.clone()));
        Arc::new(object)
    }

    /// What the API server has, and the watch may show later.
    fn has_plan(&self, plan: &EtcdBackup) {
        let object = serde_json::to_value(plan).unwrap();
        self.server.answers(Method::GET, "/etcdbackups/prod", 200, object);
    }

    fn show_snapshot(&mut self, snapshot: &EtcdSnapshot) -> Arc<SnapshotObject> {
        let object = DeserializeGuard(Ok(snapshot.clone()));
        self.writers
            .snapshots
            .apply_watcher_event(&Event::Apply(object.clone()));
        self.context.scope.cache.index().put(&Key::of(&object));
        Arc::new(object)
    }

    /// Has the plan's store listed.
    async fn list(&mut self, plan: &EtcdBackup) {
        self.context.ask(Arc::new(plan.clone()), Job::Sync);
        self.listed.recv().await.unwrap();
        while self.context.is_asking(&plan.uid().unwrap()) {
            tokio::task::yield_now().await;
        }
    }

    async fn look_at_plan(&mut self, plan: &EtcdBackup) -> Result<Action, ReconcileError> {
        let object = self.show_plan(plan);
        crate::plan::reconcile(object, Arc::clone(&self.context)).await
    }

    async fn look_at_snapshot(&mut self, snapshot: &EtcdSnapshot) -> Result<Action, ReconcileError> {
        let object = self.show_snapshot(snapshot);
        crate::snapshot::reconcile(object, Arc::clone(&self.context)).await
    }
}

/// A plan whose slot of 06:00 is due.
fn due() -> EtcdBackup {
    plan(json!({"metadata": {"creationTimestamp": "2026-11-23T05:30:00Z"}}))
}
