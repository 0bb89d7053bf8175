//! Snapshots that somebody asks for by annotating the plan: one for each distinct value.

use etcd_backup_api::{EtcdBackup, labels};
use kube::ResourceExt;

use super::naming;
use super::view::{Decision, NewSnapshot, Observed, Origin};

/// Longest value that the status can remember (`lastRunNow` in the CRD).
const MAX_TOKEN: usize = 1024;

/// The value of the annotation, if it was not answered yet.
pub(super) fn token(plan: &EtcdBackup) -> Option<&str> {
    let token = plan
        .annotations()
        .get(labels::RUN_NOW)
        .map(String::as_str)
        .filter(|token| !token.is_empty())?;
    let answered = plan
        .status
        .as_ref()
        .and_then(|status| status.last_run_now.as_deref());
    (answered != Some(remembered(token))).then_some(token)
}

/// What the status keeps of a value.
pub(super) fn remembered(token: &str) -> &str {
    &token[..token.floor_char_boundary(MAX_TOKEN)]
}

/// The name of the snapshot that is asked for.
pub(super) fn name(plan: &EtcdBackup) -> Option<String> {
    token(plan).map(|token| naming::for_token(&plan.name_any(), token))
}

/// Creates the snapshot that is asked for, suspended or not.
pub(super) fn take(plan: &EtcdBackup, observed: &Observed, decision: &mut Decision) {
    let Some(name) = name(plan) else { return };
    let exists = observed.snapshots.iter().any(|shot| shot.name == name);
    if !exists && !observed.foreign.contains(&name) {
        decision.create.push(NewSnapshot {
            name,
            origin: Origin::Asked,
        });
    }
}
