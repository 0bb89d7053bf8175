//! `etcd-backup kubectl pin` and `unpin`

use clap::Args;
use etcd_backup_api::EtcdSnapshot;
use serde_json::json;

use super::reach::{Reach, named};
use crate::{exit::Failure, output::print};

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// Names of EtcdSnapshots
    #[arg(value_name = "SNAPSHOT", required = true)]
    snapshots: Vec<String>,
}

pub(super) async fn run(pin: &Pin, reach: &Reach, pinned: bool) -> Result<(), Failure> {
    let cluster = reach.connect().await?;
    let word = if pinned { "pinned" } else { "unpinned" };
    for name in &pin.snapshots {
        let change = json!({"spec": {"pin": pinned}});
        cluster.change::<EtcdSnapshot>(name, &change).await?;
        print(&format!("{} {word}\n", named::<EtcdSnapshot>(name)))?;
    }
    Ok(())
}
