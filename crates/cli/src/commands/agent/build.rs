//! Building a member's data from the pinned snapshot.

use std::path::PathBuf;

use etcd_backup_operator::agent::{AgentResult, RestoreTask};
use etcd_backup_snapshot::{
    directory::{Directory, Failed},
    restore::{EtcdVersion, Links, Request, Restored, Target, cluster::InitialCluster},
};
use tokio_util::sync::CancellationToken;

use super::{
    error::AgentError,
    open::{Opened, of_restore, random},
    target::MEMBER,
    tell,
};
use crate::commands::restore::watch::watched;

/// The name of the member's data directory in the one it is built in.
pub(super) const DATA_DIR: &str = "data";

/// What the engine is asked for: one member's data directory at `data_dir`, a path that was resolved.
fn request(task: &RestoreTask, opened: &Opened, data_dir: PathBuf) -> Result<Request, AgentError> {
    let members = task
        .members
        .iter()
        .map(|member| (member.name.as_str(), member.peer_urls.iter().map(String::as_str)));
    let cluster = InitialCluster::new(members).map_err(AgentError::Cluster)?;
    let target_version = task
        .target_version
        .as_ref()
        .map(|text| EtcdVersion::of(text).ok_or_else(|| AgentError::TargetVersion(text.clone())));
    let target = Target {
        name: task.member.clone(),
        data_dir,
        wal_dir: None,
    };
    Ok(Request {
        token: Some(task.initial_cluster_token.clone()),
        bump_revision: task.bump_revision,
        revision: task.revision,
        target_version: target_version.transpose()?,
        expected: opened.expected(&task.source),
        links: Links::Refuse,
        ..Request::new(cluster, vec![target], random()?)
    })
}

/// Builds the data directory in `building`: proved against the manifest, on the disk, and read back.
pub(super) async fn build(
    task: &RestoreTask,
    opened: Opened,
    building: &Directory,
) -> Result<AgentResult, AgentError> {
    let request = request(task, &opened, building.at(DATA_DIR))?;
    let cancel = CancellationToken::new();
    let restored = watched(opened.source(&cancel), request, cancel, tell::restoring())
        .await
        .map_err(of_restore)?;
    told(&restored, building)
}

fn told(restored: &Restored, building: &Directory) -> Result<AgentResult, AgentError> {
    let snap = building
        .directory(DATA_DIR)?
        .directory(MEMBER)?
        .directory("snap")?;
    let database = snap.file("db")?.metadata();
    let bytes = database.map_err(Failed::at("look at", &snap.at("db")))?.len();
    let member = restored
        .members
        .first()
        .ok_or(AgentError::Internal("no member was restored"))?;
    let left_out = restored
        .left_out
        .iter()
        .map(|left_out| format!("left out: {left_out}"));
    let said: Vec<String> = restored
        .warnings
        .iter()
        .map(ToString::to_string)
        .chain(left_out)
        .collect();
    Ok(AgentResult::Prepared {
        bytes,
        revision: restored.revision,
        hash_kv: restored.hash_kv.map(|kv| kv.hash),
        cluster_id: format!("{:016x}", restored.cluster_id),
        member_id: format!("{:016x}", member.id),
        message: (!said.is_empty()).then(|| said.join("; ")),
    })
}
