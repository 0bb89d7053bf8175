//! `commit`: puts the new data into place.

use std::path::Path;

use etcd_backup_operator::agent::{AgentResult, RestoreTask};

use super::{
    error::AgentError,
    exchange::{exchange, move_to},
    files::{is_there, remove},
    target::Target,
};

/// Puts into place what was prepared, and renames aside what was there. Done twice, or again after a kill at any point, it
/// comes to the same.
pub(super) fn commit(task: &RestoreTask) -> Result<AgentResult, AgentError> {
    let target = Target::of(task)?;
    let nothing = || AgentError::NotPrepared(target.data_dir.clone());
    let _lock = target.lock()?.ok_or_else(nothing)?;
    if target.own(&target.member)?.is_none() {
        if target.own(&target.prepared)?.is_none() {
            return Err(nothing());
        }
        target.refuse_occupied()?;
        put(&target)?;
        target.sync()?;
    }
    // In place. Under the name of what was prepared is now what was there before.
    if is_there(&target.prepared)? {
        move_to(&target.prepared, &target.aside)?;
    }
    remove(&target.building)?;
    target.sync()?;
    Ok(AgentResult::Committed {
        previous: is_there(&target.aside)?.then(|| name(&target.aside)),
    })
}

/// One step where the filesystem can; else two, and one of the two is in place at every instant but the one between.
fn put(target: &Target) -> Result<(), AgentError> {
    if !is_there(&target.member)? {
        return move_to(&target.prepared, &target.member);
    }
    // Somebody else's, for nobody else gets this name: better seen now than when the new data is in place.
    if is_there(&target.aside)? {
        return Err(AgentError::AsideTaken(target.aside.clone()));
    }
    let exchanged = exchange(&target.prepared, &target.member)
        .map_err(AgentError::file("put in place", &target.member))?;
    if exchanged {
        return Ok(());
    }
    in_two_steps(target)
}

pub(super) fn in_two_steps(target: &Target) -> Result<(), AgentError> {
    move_to(&target.member, &target.aside)?;
    let Err(first) = move_to(&target.prepared, &target.member) else {
        return Ok(());
    };
    // The old data goes back; where even that fails, the next try finds nothing in place and goes on from there.
    match move_to(&target.aside, &target.member) {
        Ok(()) => Err(first),
        Err(AgentError::File { source, .. }) => Err(AgentError::Exchange {
            path: target.member.clone(),
            old: target.aside.clone(),
            source,
        }),
        Err(second) => Err(second),
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
