//! What is to become of a restore. Pure: what it needs to know is handed in, what it wants is handed back.
//!
//! Until `Committing` everything can be undone, and is when anything fails or the restore is deleted. From then on it is
//! carried through.

mod begun;
mod conditions;
mod follow;
mod set;
mod source;
#[cfg(test)]
mod tests;
mod view;
mod work;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdRestore, EtcdRestoreStatus, RestoreFailure, RestorePhase, labels};
use kube::ResourceExt;

pub(super) use begun::mark;
pub use view::{Action, Decision, Observed};

use crate::jobs::seen::FORBIDDEN;

use crate::events::{Note, reason as event};

/// How often Jobs are looked at while they run.
const LOOK: TimeDelta = TimeDelta::seconds(3);

/// How often what is missing is looked for.
const WAIT: TimeDelta = TimeDelta::seconds(15);

const ACTION: &str = "Restore";

/// Decides about `restore` at `now`.
pub fn decide(restore: &EtcdRestore, observed: &Observed, now: DateTime<Utc>) -> Decision {
    let mut case = Case::new(restore, observed, now);
    let held = restore.finalizers().iter().any(|name| name == labels::FINALIZER);
    let marked = begun::is_marked(restore);
    let noted = held && marked;
    let deleting = restore.metadata.deletion_timestamp.is_some();
    match case.before.phase {
        RestorePhase::Succeeded | RestorePhase::Failed => {
            case.decision.finalizer = (held || !marked).then_some(false);
        }
        RestorePhase::Pending | RestorePhase::Resolving if deleting => {
            case.decision.finalizer = held.then_some(false);
        }
        phase if let Some(problem) = begun::before(restore, phase) => {
            case.fail(&problem.reason, problem.message);
        }
        RestorePhase::Pending | RestorePhase::Resolving => source::decide(&mut case),
        // Before the first Job: from here on something may have to be undone.
        RestorePhase::Preparing if !noted && !deleting => case.decision.finalizer = Some(true),
        RestorePhase::Preparing if deleting => {
            case.undo(
                "Deleted",
                "the restore was deleted while its members were prepared",
            );
        }
        RestorePhase::Preparing => match &observed.rival {
            Some(rival) => case.undo("RestoreUnderWay", source::rivalry(rival)),
            None => work::prepare(&mut case),
        },
        RestorePhase::Undoing => work::undo(&mut case),
        RestorePhase::Committing => work::commit(&mut case),
        RestorePhase::Starting => set::start(&mut case),
        RestorePhase::Verifying => set::verify(&mut case),
    }
    case.finish()
}

/// A restore under decision.
struct Case<'a> {
    restore: &'a EtcdRestore,
    observed: &'a Observed,
    before: EtcdRestoreStatus,
    decision: Decision,
    /// Whether this look has said why the restore stands where it stands.
    said: bool,
    now: DateTime<Utc>,
}

impl<'a> Case<'a> {
    fn new(restore: &'a EtcdRestore, observed: &'a Observed, now: DateTime<Utc>) -> Self {
        let before = restore.status.clone().unwrap_or_default();
        Self {
            restore,
            observed,
            decision: Decision {
                finalizer: None,
                status: before.clone(),
                actions: Vec::new(),
                notes: Vec::new(),
                again: None,
            },
            before,
            said: false,
            now,
        }
    }

    /// Says why the restore stands where it stands.
    fn say(&mut self, reason: &str, message: impl Into<String>) {
        self.decision.status.reason = Some(reason.to_owned());
        self.decision.status.message = Some(message.into());
        self.said = true;
    }

    /// What the API server refused is said for as long as it does, and not afterwards.
    fn say_what_was_refused(&mut self) {
        let tries = self.decision.finalizer.is_some() || !self.decision.actions.is_empty();
        match &self.observed.refused {
            Some(refused) if tries => self.say(&refused.reason.clone(), refused.message.clone()),
            _ if !self.said && self.before.reason.as_deref() == Some(FORBIDDEN) => {
                let phase = self.decision.status.phase.as_str();
                self.say(phase, "what the API server had forbidden is allowed now");
            }
            _ => {}
        }
    }

    fn enter(&mut self, phase: RestorePhase, message: impl Into<String>) {
        self.decision.status.phase = phase;
        self.decision.status.phase_time = Some(self.now);
        self.say(phase.as_str(), message);
    }

    /// Nothing has changed at any target, and nothing will.
    fn fail(&mut self, reason: &str, message: impl Into<String>) {
        let message = message.into();
        self.decision
            .notes
            .push(Note::warning(event::RESTORE_FAILED, ACTION, message.clone()));
        self.enter(RestorePhase::Failed, message.clone());
        self.say(reason, message);
        self.decision.status.completion_time = Some(self.now);
    }

    /// Takes away what was prepared; then fails with this.
    fn undo(&mut self, reason: &str, message: impl Into<String>) {
        let message = message.into();
        self.decision.status.failure = Some(RestoreFailure {
            reason: reason.to_owned(),
            message: message.clone(),
        });
        self.enter(RestorePhase::Undoing, message.clone());
        self.say(reason, message);
        self.decision.again = Some(self.now);
    }

    fn finish(mut self) -> Decision {
        if self.decision.finalizer.is_some() {
            // The status is decided at the next look, from the changed object.
            self.decision.status = self.before.clone();
            self.decision.actions.clear();
        }
        if self.before.phase.is_terminal() {
            return self.decision;
        }
        self.say_what_was_refused();
        if self.decision.finalizer.is_some() {
            return self.decision;
        }
        self.decision.status.observed_generation = self.restore.metadata.generation;
        conditions::set(&mut self.decision.status, &self.before, self.now);
        self.decision
    }
}
