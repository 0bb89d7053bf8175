//! `commit`: puts the new data into place.

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    error::AgentError,
    target::{MEMBER, Target},
};

/// Puts into place what was prepared, and renames aside what was there. Done twice, or again after a kill at any point, it
/// comes to the same.
pub(super) fn commit(task: &RestoreTask) -> Result<AgentResult, AgentError> {
    let nothing = || AgentError::NotPrepared(task.data_dir.clone());
    let target = Target::find(task)?.ok_or_else(nothing)?;
    target.lock()?;
    if target.own(MEMBER)?.is_none() {
        if target.own(&target.prepared)?.is_none() {
            return Err(nothing());
        }
        target.refuse_occupied()?;
        put(&target)?;
        target.sync()?;
    }
    // In place. Under the name of what was prepared is now what was there before.
    if target.is_there(&target.prepared)? {
        target.rename(&target.prepared, &target.aside)?;
    }
    target.directory.remove(&target.building)?;
    target.sync()?;
    let aside = target.is_there(&target.aside)?;
    Ok(AgentResult::Committed {
        previous: aside.then(|| target.aside.to_string_lossy().into_owned()),
    })
}

/// One step where the filesystem can; else two, and one of the two is in place at every instant but the one between.
pub(super) fn put(target: &Target) -> Result<(), AgentError> {
    if !target.is_there(MEMBER)? {
        return target.rename(&target.prepared, MEMBER);
    }
    // Somebody else's, for nobody else gets this name: better seen now than when the new data is in place.
    if target.is_there(&target.aside)? {
        return Err(AgentError::AsideTaken(target.directory.at(&target.aside)));
    }
    if target.directory.exchange(&target.prepared, MEMBER)? {
        return Ok(());
    }
    in_two_steps(target)
}

pub(super) fn in_two_steps(target: &Target) -> Result<(), AgentError> {
    target.rename(MEMBER, &target.aside)?;
    let Err(first) = target.rename(&target.prepared, MEMBER) else {
        return Ok(());
    };
    // The old data goes back; where even that fails, the next try finds nothing in place and goes on from there.
    match target.rename(&target.aside, MEMBER) {
        Ok(()) => Err(first),
        Err(AgentError::File { source, .. }) => Err(AgentError::Exchange {
            path: target.directory.at(MEMBER),
            old: target.directory.at(&target.aside),
            source,
        }),
        Err(second) => Err(second),
    }
}
