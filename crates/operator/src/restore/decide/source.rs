//! Before anything is done: may it be, and what is restored?

use chrono::TimeDelta;
use etcd_backup_api::{MemberStatus, RestorePhase};
use etcd_backup_snapshot::restore::RestoreError;
use kube::ResourceExt;

use super::{ACTION, Action, Case, WAIT};
use crate::connect::Failure;
use crate::events::{Note, reason as event};
use crate::restore::{Errand, Resolved, clash, names, targets};

pub(super) fn decide(case: &mut Case<'_>) {
    if let Some(problem) = &case.observed.refusal {
        if case.observed.enabled {
            return case.fail(&problem.reason, problem.message.clone());
        }
        // Whoever starts the operator can help that; then the restore begins.
        return case.say(&problem.reason, problem.message.clone());
    }
    if let Some(rival) = &case.observed.rival {
        return case.fail("RestoreUnderWay", rivalry(rival));
    }
    if case.before.phase == RestorePhase::Pending {
        case.decision.status.start_time = Some(case.now);
        case.enter(RestorePhase::Resolving, "the snapshot is looked up");
    }
    if let Some(failure) = &case.observed.missing {
        return wait_or_fail(case, failure);
    }
    match &case.observed.source {
        Errand::Busy => {}
        Errand::Idle => case.decision.actions.push(Action::Resolve),
        Errand::Done {
            answer: Ok(found), ..
        } => pin(case, found),
        Errand::Done {
            at,
            answer: Err(failure),
        } => {
            wait_or_fail(case, failure);
            if failure.transient && case.now >= *at + WAIT {
                case.decision.actions.push(Action::Resolve);
            }
        }
    }
}

/// What to say when another restore of the same target comes first.
pub(super) fn rivalry(rival: &str) -> String {
    format!(
        "the EtcdRestore {rival} writes to the same target: wait for its end, then create another restore"
    )
}

/// What may come right is waited for as long as one member's work may take.
fn wait_or_fail(case: &mut Case<'_>, failure: &Failure) {
    let patience = TimeDelta::from_std(case.restore.spec.timeout.as_std()).unwrap_or(TimeDelta::MAX);
    let began = case.decision.status.start_time.unwrap_or(case.now);
    if !failure.transient || case.now - began >= patience {
        return case.fail(&failure.reason, failure.message.clone());
    }
    case.say(&failure.reason, failure.message.clone());
    case.decision.again = Some(case.now + WAIT);
}

/// What the engine would say of a revision that the snapshot cannot go back to, said before any member is stopped for it.
fn out_of_history(wanted: Option<i64>, found: &Resolved) -> Option<RestoreError> {
    let (first, last) = (found.oldest, found.source.revision);
    let revision = wanted.filter(|revision| !(first..=last).contains(revision))?;
    Some(RestoreError::RevisionOutOfWindow {
        revision,
        first,
        last,
    })
}

fn pin(case: &mut Case<'_>, found: &Resolved) {
    let spec = &case.restore.spec;
    if found.source.encrypted && spec.decryption.is_none() {
        let message = "the snapshot is encrypted: name a Secret with the age identity as spec.decryption";
        return case.fail("IdentityNeeded", message);
    }
    if found.source.storage.local.is_some() && spec.job.local_store.is_none() {
        let message = "the snapshot is in a directory: name the claim that holds it as spec.job.localStore";
        return case.fail("LocalStoreNotMounted", message);
    }
    if let Some(error) = out_of_history(spec.revision, found) {
        return case.fail(error.reason(), error.to_string());
    }
    let mut restore = case.restore.clone();
    let mut verify = spec.verify.as_ref().map(|verify| verify.etcd.clone());
    if let Some(named) = &spec.stateful_set {
        let set = match &case.observed.set {
            Some(Ok(set)) => set,
            Some(Err(failure)) => return wait_or_fail(case, failure),
            None => return,
        };
        let members = i32::try_from(spec.members.len()).unwrap_or(i32::MAX);
        if set.replicas != 0 && set.replicas != members {
            let message = format!(
                "the StatefulSet {} has {} replicas, and {members} members are named",
                named.name, set.replicas
            );
            return case.fail("InvalidSpec", message);
        }
        let pinned = match set.pin(named.volume_claim_template.as_ref()) {
            Ok(pinned) => pinned,
            Err(failure) => return case.fail(&failure.reason, failure.message),
        };
        // Who does not start the members does not know when to ask them.
        verify = verify.or_else(|| found.etcd.clone().filter(|_| pinned.replicas > 0));
        restore
            .status
            .get_or_insert_default()
            .stateful_set
            .clone_from(&Some(pinned));
        // Now it is known which claims are its pods'.
        let message = clash::clashing(&restore).or_else(|| names::out_of_order(&restore));
        if let Some(message) = message {
            return case.fail("InvalidSpec", message);
        }
    }
    let members = spec
        .members
        .iter()
        .enumerate()
        .map(|(index, member)| MemberStatus {
            name: member.name.clone(),
            target: targets::target(&restore, index).as_ref().map(targets::describe),
            ..MemberStatus::default()
        });
    let members = members.collect();
    let status = &mut case.decision.status;
    status.members = members;
    status.verify = verify;
    status.stateful_set = restore.status.and_then(|status| status.stateful_set);
    status.members_done = Some(0);
    status.initial_cluster_token = Some(
        spec.initial_cluster_token
            .clone()
            .unwrap_or_else(|| format!("etcd-restore-{}", case.restore.uid().unwrap_or_default())),
    );
    status.source = Some(found.source.clone());
    let message = format!(
        "{} is restored, revision {}",
        found.source.url, found.source.revision
    );
    status.warning.clone_from(&found.warning);
    if let Some(warning) = &found.warning {
        case.decision.notes.push(Note::warning(
            event::RESTORE_SOURCE_DOUBTFUL,
            ACTION,
            warning.clone(),
        ));
    }
    case.decision
        .notes
        .push(Note::normal(event::RESTORE_STARTED, ACTION, message.clone()));
    case.enter(RestorePhase::Preparing, message);
    case.decision.again = Some(case.now);
}
