//! `etcd-backup kubectl drill`

use chrono::SecondsFormat;
use clap::Args;
use etcd_backup_api::{EtcdBackup, Verification, labels};
use serde_json::json;

use super::reach::{Reach, named};
use crate::{
    clock,
    exit::{Exit, Failure},
    output::print,
};

/// Restore a plan's newest snapshot in a drill now
///
/// What comes of it, `status` says, and the condition Restorable.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Name of the EtcdBackup
    #[arg(value_name = "PLAN")]
    plan: String,
}

pub(super) async fn run(drill: &Drill, reach: &Reach) -> Result<(), Failure> {
    let cluster = reach.connect().await?;
    let plan = cluster.plan(&drill.plan).await?;
    if plan.spec.verification != Verification::Restore {
        return Err(
            Failure::new(Exit::Usage, format!("the plan {} has no drills", drill.plan)).hint(format!(
                "kubectl patch etcdbackup {} -n {} --type merge -p '{{\"spec\":{{\"verification\":\"Restore\"}}}}'",
                drill.plan, cluster.namespace
            )),
        );
    }
    // Each value asks once.
    let token = clock::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let change = json!({"metadata": {"annotations": {labels::DRILL_NOW: token}}});
    cluster.change::<EtcdBackup>(&drill.plan, &change).await?;
    print(&format!(
        "{} asked for a drill\n",
        named::<EtcdBackup>(&drill.plan)
    ))
}
