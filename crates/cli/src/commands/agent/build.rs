//! Building a member's data from the pinned snapshot.

use std::{fs, path::Path};

use etcd_backup_operator::agent::{AgentResult, RestoreTask};
use etcd_backup_snapshot::restore::{EtcdVersion, Request, Restored, Target, cluster::InitialCluster};

use super::{
    error::AgentError,
    open::{Opened, of_restore, random},
    tell,
};
use crate::commands::restore::watch::watched;

/// What the engine is asked for: one member's data directory at `data_dir`.
fn request(task: &RestoreTask, opened: &Opened, data_dir: &Path) -> Result<Request, AgentError> {
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
        data_dir: data_dir.to_owned(),
        wal_dir: None,
    };
    Ok(Request {
        token: Some(task.initial_cluster_token.clone()),
        bump_revision: task.bump_revision,
        revision: task.revision,
        target_version: target_version.transpose()?,
        expected: opened.expected(&task.source),
        ..Request::new(cluster, vec![target], random()?)
    })
}

/// Builds the data directory at `data_dir`: proved against the manifest, on the disk, and read back.
pub(super) async fn build(
    task: &RestoreTask,
    opened: Opened,
    data_dir: &Path,
) -> Result<AgentResult, AgentError> {
    let request = request(task, &opened, data_dir)?;
    let restored = watched(opened.source(), request, tell::restoring())
        .await
        .map_err(of_restore)?;
    told(&restored, data_dir)
}

fn told(restored: &Restored, data_dir: &Path) -> Result<AgentResult, AgentError> {
    let database = data_dir.join("member/snap/db");
    let bytes = fs::metadata(&database)
        .map_err(AgentError::file("look at", &database))?
        .len();
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
