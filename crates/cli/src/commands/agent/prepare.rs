//! `prepare`: builds the new data beside the old.

use std::{os::unix::fs::MetadataExt, path::Path};

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    build,
    error::AgentError,
    open::open,
    origin::Origin,
    owner::Giving,
    target::{MEMBER, Target},
};
use crate::clock;

/// Builds the member's new data. Nothing that is there changes. What an earlier try left unfinished is removed first; what
/// it finished is taken as it is.
pub(super) async fn prepare(task: &RestoreTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let target = Target::create(task)?;
    if target.own(MEMBER)?.is_some() {
        return Err(AgentError::AlreadyCommitted(target.directory.at(MEMBER)));
    }
    target.refuse_occupied()?;
    target.lock()?;
    if let Some(origin) = target.own(&target.prepared)? {
        return Ok(origin.prepared);
    }
    let done = anew(task, &target, secrets).await;
    if done.is_err() {
        // What cannot be removed now is removed by the next try, or by `discard`.
        drop(target.directory.remove(&target.building));
    }
    done
}

async fn anew(task: &RestoreTask, target: &Target, secrets: &Path) -> Result<AgentResult, AgentError> {
    target.directory.remove(&target.building)?;
    // By its name it is this restore's, and it was not complete.
    target.directory.remove(&target.prepared)?;
    let building = target.directory.create_directory(&target.building)?;
    let own = building.metadata()?.uid();
    let giving = Giving::of(target, own)?;
    let opened = open(&task.source, &task.store, task.decryption.as_deref(), secrets).await?;
    let prepared = build::build(task, opened, &building).await?;
    let data_dir = building.directory(build::DATA_DIR)?;
    let member = data_dir.directory(MEMBER)?;
    Origin::new(task, prepared.clone(), clock::now()).write(&member)?;
    giving.give(&member)?;
    data_dir.move_to(MEMBER, &target.directory, &target.prepared)?;
    target.sync()?;
    data_dir.sync()?;
    target.directory.remove(&target.building)?;
    target.sync()?;
    Ok(prepared)
}
