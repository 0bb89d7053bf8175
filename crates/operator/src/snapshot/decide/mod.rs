//! What is to become of a snapshot. Pure: what it needs to know is handed in, what it wants is handed back.
//!
//! The phases and what moves them:
//!
//! ```text
//!            claim                   pool starts it             manifest written
//! Pending ───────────► Pending+owner ──────────────► Running ───────────────────► Succeeded ◄──► Missing
//!    ▲                      │                           │                                    store lost or
//!    └──────────────────────┴───── attempt failed ──────┴───────────────────────► Failed     found it again
//! ```
//!
//! An attempt is claimed in the status before it is handed to the pool. Every status is written under the
//! resource version that it was decided from, so a decision from an outdated cache neither claims nor ends
//! anything.

mod attempt;
mod back;
mod claim;
mod conditions;
mod deletion;
mod retry;
mod stored;
#[cfg(test)]
mod tests;
mod view;

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{DeletionPolicy, EtcdSnapshot, EtcdSnapshotStatus, SnapshotPhase, labels};
use kube::ResourceExt;

pub(crate) use self::back::came_back;
use self::conditions::Held;
use crate::ownership::plan_reference;
use crate::runs::Trigger;

pub use view::{Answered, Decision, Metadata, Observed, Plan, Problem, Run, RunAction, Store, Stored};

/// Why a snapshot that was made of another one's metadata takes none.
pub(crate) const COPIED: &str = "Copied";

/// Decides about `snapshot` at `now`.
pub fn decide(snapshot: &EtcdSnapshot, observed: &Observed, now: DateTime<Utc>) -> Decision {
    let mut case = Case::new(snapshot, observed, now);
    if snapshot.metadata.deletion_timestamp.is_some() {
        deletion::decide(&mut case);
    } else if back::decide(&mut case) {
        // Becomes its plan's afterwards: what tells that it came back is overwritten by that.
    } else if let Some(change) = wanted_metadata(snapshot, &observed.plan) {
        case.decision.metadata = Some(change);
    } else if case.before.phase.is_terminal() {
        stored::recheck(&mut case);
    } else {
        attempt::decide(&mut case);
    }
    case.finish()
}

/// A snapshot under decision.
struct Case<'a> {
    snapshot: &'a EtcdSnapshot,
    observed: &'a Observed,
    before: EtcdSnapshotStatus,
    decision: Decision,
    held: Option<Held>,
    now: DateTime<Utc>,
}

impl<'a> Case<'a> {
    fn new(snapshot: &'a EtcdSnapshot, observed: &'a Observed, now: DateTime<Utc>) -> Self {
        let before = snapshot.status.clone().unwrap_or_default();
        let mut status = before.clone();
        status.scheduled_time = status.scheduled_time.or_else(|| slot_of(snapshot));
        let decision = Decision {
            metadata: None,
            status,
            run: RunAction::None,
            remove_stored: None,
            notes: Vec::new(),
            again: None,
        };
        Self {
            snapshot,
            observed,
            before,
            decision,
            held: None,
            now,
        }
    }

    fn name(&self) -> String {
        self.snapshot.name_any()
    }

    /// Says why the snapshot stands where it stands.
    fn say(&mut self, reason: &str, message: impl Into<String>) {
        self.decision.status.reason = Some(reason.to_owned());
        self.decision.status.message = Some(message.into());
    }

    /// Takes over everything that the store knows, and ends successfully.
    fn succeed(&mut self, stored: &Stored) {
        stored::fill(&mut self.decision.status, stored);
        self.decision.status.phase = SnapshotPhase::Succeeded;
        self.say(reason::SUCCEEDED, stored::summary(stored));
    }

    fn finish(mut self) -> Decision {
        if self.decision.metadata.is_some() {
            // The status is decided at the next look, from the changed object.
            self.decision.status = self.before;
            return self.decision;
        }
        self.decision.status.observed_generation = self.snapshot.metadata.generation;
        conditions::set(
            &mut self.decision.status,
            &self.before,
            self.held.as_ref(),
            self.now,
        );
        self.decision
    }
}

/// What of the metadata is not as it should be.
fn wanted_metadata(snapshot: &EtcdSnapshot, plan: &Plan) -> Option<Metadata> {
    let Plan::Present { plan, .. } = plan else {
        return None;
    };
    if plan_reference(snapshot).is_none() {
        return Some(Metadata::Adopt);
    }
    let held = snapshot.finalizers().iter().any(|name| name == labels::FINALIZER);
    // What is pinned waits for its pin, whatever becomes of what is stored.
    let wanted = plan.spec.deletion_policy == DeletionPolicy::Delete || snapshot.spec.pin;
    match (wanted, held) {
        (true, false) => Some(Metadata::AddFinalizer),
        (false, true) => Some(Metadata::RemoveFinalizer),
        (true, true) | (false, false) => None,
    }
}

/// The slot of the schedule that a snapshot was created for.
pub fn slot_of(snapshot: &impl ResourceExt) -> Option<DateTime<Utc>> {
    let text = snapshot.annotations().get(labels::SCHEDULED_TIME)?;
    DateTime::parse_from_rfc3339(text).ok().map(|slot| slot.to_utc())
}

/// The run that a snapshot is known to come from: as its status says, or as it was created for.
pub fn run_id_of(snapshot: &EtcdSnapshot) -> Option<&str> {
    let recorded = snapshot
        .status
        .as_ref()
        .and_then(|status| status.run_id.as_deref());
    recorded.or_else(|| found_run_of(snapshot))
}

/// The run that a snapshot was created to show, when it was found in the store.
pub fn found_run_of(snapshot: &EtcdSnapshot) -> Option<&str> {
    snapshot.annotations().get(labels::RUN_ID).map(String::as_str)
}

/// Why a snapshot is taken: by schedule if it says so, else somebody asked.
fn trigger_of(snapshot: &EtcdSnapshot) -> Trigger {
    match snapshot.annotations().get(labels::TRIGGER).map(String::as_str) {
        Some(labels::trigger::SCHEDULE) => Trigger::Schedule,
        _ => Trigger::Manual,
    }
}
