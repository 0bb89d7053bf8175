//! The living member that a snapshot came from, asked for its own hash.

use std::sync::Arc;

use async_trait::async_trait;
use etcd_backup_backup::write::Confirm;
use etcd_backup_etcd::{Cluster, HASHED_UP_TO};
use etcd_backup_snapshot::HashKv;

struct Living {
    cluster: Arc<Cluster>,
    endpoint: String,
}

/// Whom to ask whether a snapshot of so many bytes holds what the member holds. Nobody, if that cost the member too much.
pub fn living(cluster: &Arc<Cluster>, endpoint: &str, size: u64) -> Option<Arc<dyn Confirm>> {
    (size <= HASHED_UP_TO).then(|| {
        let confirm: Arc<dyn Confirm> = Arc::new(Living {
            cluster: Arc::clone(cluster),
            endpoint: endpoint.to_owned(),
        });
        confirm
    })
}

#[async_trait]
impl Confirm for Living {
    async fn hash_at(&self, ours: HashKv) -> Result<u32, String> {
        self.cluster
            .hash_at(&self.endpoint, ours.revision, ours.compact_revision)
            .await
    }
}
