//! A member that says what the test tells it to, over real gRPC.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests; clippy knows a test only by its attribute"
)]

use std::{net::SocketAddr, pin::Pin, sync::Arc};

use etcd_backup_etcd::{Cluster, Config, Timeouts};
use etcd_client::proto::{
    PbAlarmRequest, PbAlarmResponse, PbDefragmentRequest, PbDefragmentResponse, PbDowngradeRequest,
    PbDowngradeResponse, PbHashKvRequest, PbHashKvResponse, PbHashRequest, PbHashResponse,
    PbMaintenanceServer, PbMaintenanceService, PbMoveLeaderRequest, PbMoveLeaderResponse, PbResponseHeader,
    PbSnapshotRequest, PbSnapshotResponse, PbStatusRequest, PbStatusResponse,
};
use futures::{Stream, StreamExt};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

pub(crate) type Answer<T> = Result<Response<T>, Status>;
pub(crate) type Messages = Pin<Box<dyn Stream<Item = Result<PbSnapshotResponse, Status>> + Send>>;

/// What to say.
pub(crate) struct Script {
    pub(crate) status: PbStatusResponse,
    pub(crate) snapshot: Box<dyn Fn() -> Result<Messages, Status> + Send + Sync>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            status: status(),
            snapshot: Box::new(|| Err(Status::unimplemented("not in this test"))),
        }
    }
}

/// A healthy only member.
pub(crate) fn status() -> PbStatusResponse {
    PbStatusResponse {
        header: Some(PbResponseHeader {
            cluster_id: 1,
            member_id: 2,
            revision: 3,
            raft_term: 4,
        }),
        version: "3.6.16".into(),
        leader: 2,
        raft_term: 4,
        ..PbStatusResponse::default()
    }
}

/// A message with as many bytes, announcing so many to follow.
pub(crate) fn message(remaining_bytes: u64, length: usize) -> PbSnapshotResponse {
    PbSnapshotResponse {
        remaining_bytes,
        blob: vec![7; length],
        version: "3.6.0".into(),
        ..PbSnapshotResponse::default()
    }
}

/// Plays these messages, then whatever `then` brings.
pub(crate) fn playing<S, F>(messages: Vec<PbSnapshotResponse>, then: F) -> Script
where
    S: Stream<Item = Result<PbSnapshotResponse, Status>> + Send + 'static,
    F: Fn() -> S + Send + Sync + 'static,
{
    Script {
        snapshot: Box::new(move || {
            Ok(futures::stream::iter(messages.clone())
                .map(Ok)
                .chain(then())
                .boxed())
        }),
        ..Script::default()
    }
}

/// A running fake; it ends, and its connections break, when it is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = PbMaintenanceServer::new(Service(Arc::new(script)));
        let server = Server::builder().add_service(service);
        let server = server.serve_with_incoming(TcpListenerStream::new(listener));
        Self {
            address,
            server: tokio::spawn(async move { server.await.unwrap() }),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::new(config([self.endpoint()])).unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Loopback allowed, and short deadlines.
pub(crate) fn config(endpoints: impl IntoIterator<Item = String>) -> Config {
    use std::time::Duration;
    Config {
        policy: etcd_backup_dial::DialPolicy::allow_all(),
        timeouts: Timeouts {
            connect: Duration::from_millis(500),
            request: Duration::from_secs(2),
            idle: Duration::from_millis(500),
            ..Timeouts::default()
        },
        ..Config::new(endpoints)
    }
}

struct Service(Arc<Script>);

#[tonic::async_trait]
impl PbMaintenanceService for Service {
    type SnapshotStream = Messages;

    async fn status(&self, _: Request<PbStatusRequest>) -> Answer<PbStatusResponse> {
        Ok(Response::new(self.0.status.clone()))
    }

    async fn snapshot(&self, _: Request<PbSnapshotRequest>) -> Answer<Messages> {
        (self.0.snapshot)().map(Response::new)
    }

    async fn alarm(&self, _: Request<PbAlarmRequest>) -> Answer<PbAlarmResponse> {
        Err(Status::unimplemented(""))
    }

    async fn defragment(&self, _: Request<PbDefragmentRequest>) -> Answer<PbDefragmentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn hash(&self, _: Request<PbHashRequest>) -> Answer<PbHashResponse> {
        Err(Status::unimplemented(""))
    }

    async fn hash_kv(&self, _: Request<PbHashKvRequest>) -> Answer<PbHashKvResponse> {
        Err(Status::unimplemented(""))
    }

    async fn move_leader(&self, _: Request<PbMoveLeaderRequest>) -> Answer<PbMoveLeaderResponse> {
        Err(Status::unimplemented(""))
    }

    async fn downgrade(&self, _: Request<PbDowngradeRequest>) -> Answer<PbDowngradeResponse> {
        Err(Status::unimplemented(""))
    }
}
