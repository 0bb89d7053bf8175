//! `etcd-backup kubectl now`

use std::{io::Write, time::Duration};

use clap::Args;
use etcd_backup_api::{EtcdSnapshot, EtcdSnapshotSpec, EtcdSnapshotStatus, SnapshotPhase};
use kube::{ResourceExt, api::PostParams};
use tokio::time::{sleep, timeout};

use super::reach::{Cluster, FIELD_MANAGER, Reach, named};
use crate::{
    exit::{Exit, Failure},
    go_duration,
    output::print,
    size,
};

/// How often the API server is asked what has become of it.
const PAUSE: Duration = Duration::from_secs(1);

/// Take a snapshot of a plan's etcd now, whatever its schedule says
///
/// Creates an EtcdSnapshot, which is kept and removed as those of the schedule are.
#[derive(Debug, Args)]
pub(crate) struct Now {
    /// Name of the EtcdBackup
    #[arg(value_name = "PLAN")]
    plan: String,

    /// Keep it, whatever retention says, until it is unpinned
    #[arg(long)]
    pin: bool,

    /// Wait until it is stored and proved; fails if it is not. Ctrl-C ends the waiting and not the snapshot
    #[arg(long)]
    wait: bool,

    /// How long to wait
    #[arg(long, requires = "wait", default_value = "1h", value_parser = go_duration::parse, value_name = "DURATION")]
    timeout: Duration,
}

pub(super) async fn run(now: &Now, reach: &Reach) -> Result<(), Failure> {
    let cluster = reach.connect().await?;
    // One of a plan that is not there would wait for it, for ever.
    cluster.plan(&now.plan).await?;
    let spec = EtcdSnapshotSpec {
        backup_name: now.plan.clone(),
        pin: now.pin,
    };
    let mut snapshot = EtcdSnapshot::new("", spec);
    snapshot.metadata.name = None;
    snapshot.metadata.generate_name = Some(format!("{}-now-", now.plan));
    let params = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let created = cluster.api::<EtcdSnapshot>().create(&params, &snapshot).await;
    let created = created.map_err(|error| super::reach::refused(&error))?;
    let name = created.name_any();
    print(&format!("{} created\n", named::<EtcdSnapshot>(&name)))?;
    if !now.wait {
        return Ok(());
    }
    match timeout(now.timeout, over(&cluster, &name)).await {
        Ok(over) => print(&stored(&name, over?)?),
        Err(_) => Err(
            Failure::new(Exit::Other, format!("{name} is not over after {:?}", now.timeout)).hint(format!(
                "it goes on: kubectl get esnap {name} -n {} -o wide",
                cluster.namespace
            )),
        ),
    }
}

/// Waits until it is over, and says on standard error how it stands.
async fn over(cluster: &Cluster, name: &str) -> Result<EtcdSnapshotStatus, Failure> {
    let api = cluster.api::<EtcdSnapshot>();
    let mut told = String::new();
    loop {
        let snapshot = api.get(name).await;
        let snapshot = snapshot.map_err(|error| cluster.refused_of::<EtcdSnapshot>(&error, name))?;
        let status = snapshot.status.unwrap_or_default();
        if status.phase.is_terminal() {
            return Ok(status);
        }
        let stands = stands(&status);
        if stands != told {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(std::io::stderr().lock(), "{stands}");
            told = stands;
        }
        sleep(PAUSE).await;
    }
}

/// How it stands, in a line that changes seldom enough to be read.
fn stands(status: &EtcdSnapshotStatus) -> String {
    let phase = status.phase.as_str();
    match (&status.message, &status.progress) {
        (Some(message), _) if status.phase == SnapshotPhase::Pending => format!("{phase}: {message}"),
        (_, Some(progress)) => match progress.total {
            Some(total) => format!(
                "{phase}: {} of {}",
                size::human(progress.bytes),
                size::human(total)
            ),
            None => format!("{phase}: {}", size::human(progress.bytes)),
        },
        _ => phase.to_owned(),
    }
}

/// What there is to say of one that is over.
fn stored(name: &str, status: EtcdSnapshotStatus) -> Result<String, Failure> {
    if status.phase != SnapshotPhase::Succeeded {
        let reason = status.reason.unwrap_or_default();
        let message = status.message.unwrap_or_default();
        return Err(Failure::new(
            Exit::Other,
            format!("{name} is {}: {reason}: {message}", status.phase.as_str()),
        ));
    }
    let revision = status.etcd.and_then(|etcd| etcd.revision).unwrap_or_default();
    let object = status.object.unwrap_or_default();
    Ok(format!(
        "{} stored: revision {revision}, {}, {}\n",
        named::<EtcdSnapshot>(name),
        size::human(object.size),
        object.url
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(status: serde_json::Value) -> EtcdSnapshotStatus {
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn one_that_waits_says_what_for_and_one_that_runs_how_far_it_is() {
        for (of, text) in [
            (json!({}), "Pending"),
            (
                json!({"phase": "Pending", "message": "another snapshot of this etcd is being taken"}),
                "Pending: another snapshot of this etcd is being taken",
            ),
            (json!({"phase": "Running"}), "Running"),
            (
                json!({"phase": "Running", "progress": {"bytes": 5_000_000, "total": 20_000_000}}),
                "Running: 5.0 MB of 20 MB",
            ),
        ] {
            assert_eq!(stands(&status(of)), text);
        }
    }

    #[test]
    fn only_one_that_succeeded_is_called_stored() {
        let object = json!({"url": "s3://b/k", "key": "k", "size": 2_000, "sha256": ""});
        let succeeded = json!({"phase": "Succeeded", "etcd": {"revision": 7}, "object": object});
        let said = stored("x", status(succeeded)).unwrap();
        assert_eq!(
            said,
            "etcdsnapshot.etcdbackup.dev/x stored: revision 7, 2.0 kB, s3://b/k\n"
        );
        for phase in ["Failed", "Missing"] {
            let over =
                json!({"phase": phase, "reason": "NoSuchBucket", "message": "the bucket does not exist"});
            assert!(stored("x", status(over)).is_err(), "{phase}");
        }
    }
}
