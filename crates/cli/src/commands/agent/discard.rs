//! `discard`: takes away what was prepared.

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    error::AgentError,
    target::{MEMBER, Target},
};

/// Takes away what this restore prepared, and nothing else. A data directory that it had to create stays, empty.
pub(super) fn discard(task: &RestoreTask) -> Result<AgentResult, AgentError> {
    let Some(target) = Target::find(task)? else {
        return Ok(AgentResult::Discarded);
    };
    target.lock()?;
    if target.own(MEMBER)?.is_some() {
        return Err(AgentError::AlreadyCommitted(target.directory.at(MEMBER)));
    }
    // A commit was killed between two renames.
    if !target.is_there(MEMBER)? && target.is_there(&target.aside)? {
        target.rename(&target.aside, MEMBER)?;
        target.sync()?;
    }
    target.directory.remove(&target.prepared)?;
    target.directory.remove(&target.building)?;
    target.sync()?;
    Ok(AgentResult::Discarded)
}
