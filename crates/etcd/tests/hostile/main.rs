//! Members, and things that are none, that do not behave: over real connections, each within a deadline.

mod fake;
mod servers;
mod streams;

use std::time::{Duration, Instant};

use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::{ChoosePolicy, Cluster, Config, EtcdError, SnapshotStream, choose};
use fake::{Fake, Script, config, message, playing};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tonic::Status;

const SOON: Duration = Duration::from_secs(10);

#[expect(
    clippy::expect_used,
    reason = "a helper of tests; clippy knows a test only by its attribute"
)]
/// Reads to the end; how many bytes, or why not.
async fn read(fake: &Fake) -> Result<usize, EtcdError> {
    let cluster = fake.cluster();
    let reading = async {
        let snapshot = cluster.snapshot(&fake.endpoint()).await?;
        snapshot
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes.len()) })
            .await
    };
    timeout(SOON, reading).await.expect("reading did not end")
}

fn nothing() -> stream::Empty<Result<etcd_client::proto::PbSnapshotResponse, Status>> {
    stream::empty()
}

#[test]
fn what_the_operator_spawns_can_move_between_threads() {
    fn movable<T: Send>(_: T) {}
    fn value<T: Send + 'static>() {}
    fn check(cluster: &Cluster) {
        movable(cluster.survey());
        movable(cluster.linearizable_revision(""));
        movable(cluster.snapshot(""));
        movable(cluster.hash_kv("", 0));
    }
    let _ = check;
    value::<Cluster>();
    value::<SnapshotStream>();
    value::<EtcdError>();
}
