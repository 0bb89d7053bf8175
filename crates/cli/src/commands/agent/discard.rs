//! `discard`: takes away what was prepared.

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    error::AgentError,
    exchange::move_to,
    files::{is_there, remove},
    target::Target,
};

/// Takes away what this restore prepared, and nothing else. A data directory that it had to create stays, empty.
pub(super) fn discard(task: &RestoreTask) -> Result<AgentResult, AgentError> {
    let target = Target::of(task)?;
    let Some(_lock) = target.lock()? else {
        return Ok(AgentResult::Discarded);
    };
    if target.own(&target.member)?.is_some() {
        return Err(AgentError::AlreadyCommitted(target.member));
    }
    // A commit was killed between two renames.
    if !is_there(&target.member)? && is_there(&target.aside)? {
        move_to(&target.aside, &target.member)?;
        target.sync()?;
    }
    remove(&target.prepared)?;
    remove(&target.building)?;
    target.sync()?;
    Ok(AgentResult::Discarded)
}
