//! `prepare`: builds the new data beside the old.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::Path,
};

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    build,
    error::AgentError,
    files::{remove, sync},
    open::open,
    origin::Origin,
    owner::Giving,
    target::Target,
};
use crate::clock;

/// Builds the member's new data. Nothing that is there changes. What an earlier try left unfinished is removed first; what
/// it finished is taken as it is.
pub(super) async fn prepare(task: &RestoreTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let target = Target::of(task)?;
    if target.own(&target.member)?.is_some() {
        return Err(AgentError::AlreadyCommitted(target.member));
    }
    target.refuse_occupied()?;
    target.create()?;
    let _lock = target.lock()?;
    if let Some(origin) = target.own(&target.prepared)? {
        return Ok(origin.prepared);
    }
    let done = anew(task, &target, secrets).await;
    if done.is_err() {
        // What cannot be removed now is removed by the next try, or by `discard`.
        drop(remove(&target.building));
    }
    done
}

async fn anew(task: &RestoreTask, target: &Target, secrets: &Path) -> Result<AgentResult, AgentError> {
    remove(&target.building)?;
    // By its name it is this restore's, and it was not complete.
    remove(&target.prepared)?;
    DirBuilder::new()
        .mode(0o700)
        .create(&target.building)
        .map_err(AgentError::file("create", &target.building))?;
    let own = fs::metadata(&target.building)
        .map_err(AgentError::file("look at", &target.building))?
        .uid();
    let giving = Giving::of(target, own)?;
    let opened = open(&task.source, &task.store, task.decryption.as_deref(), secrets).await?;
    let data_dir = target.building.join("data");
    let prepared = build::build(task, opened, &data_dir).await?;
    let member = data_dir.join("member");
    Origin::new(task, prepared.clone(), clock::now()).write(&member)?;
    giving.give(&member)?;
    fs::rename(&member, &target.prepared).map_err(AgentError::file("rename", &member))?;
    target.sync()?;
    sync(&data_dir)?;
    remove(&target.building)?;
    target.sync()?;
    Ok(prepared)
}
