//! When drills begin, and what their ends mean.

mod begin;
mod follow;
mod outcome;

use etcd_backup_api::{DrillResult, EtcdBackup, PinnedSource};
use serde_json::{Value, json};

use super::*;
use crate::agent::AgentResult;
use crate::drill::Seen;
use crate::fixtures::{at, on, plan};
use crate::jobs::seen::{JobState, Problem};
use crate::jobs::wait::Wait;
use crate::status::Truth;

fn source(run_id: &str) -> PinnedSource {
    serde_json::from_value(json!({
        "url": "s3://backups/ns/prod/x", "key": "ns/prod/x", "storage": {"s3": {"bucket": "backups"}}, "runID": run_id,
        "sha256": "", "size": 1, "snapshotSize": 2, "snapshotSHA256": "", "revision": 42, "clusterID": "1",
        "taken": "2026-11-23T06:00:01Z",
    }))
    .unwrap()
}

/// A store that has answered, with this newest snapshot.
fn holding(run_id: &str) -> Observed {
    Observed {
        enabled: true,
        newest: Some(Newest {
            snapshot: format!("prod-{run_id}"),
            source: source(run_id),
        }),
        settled: true,
        ..Observed::default()
    }
}

fn empty() -> Observed {
    Observed {
        newest: None,
        ..holding("")
    }
}

/// A plan that drills, changed by merging `changes` into its specification.
fn drilling(changes: &Value) -> EtcdBackup {
    let mut object = plan(json!({"spec": {"verification": "Restore"}}));
    let mut spec = serde_json::to_value(&object.spec).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    object.spec = serde_json::from_value(spec).unwrap();
    object
}

fn look(plan: &EtcdBackup, observed: &Observed, time: &str) -> Decision {
    decide(plan, Timing::of(plan).ok().as_ref(), observed, at(time))
}

/// The plan with what `decision` writes into its status: what the next look will see.
fn after(plan: &EtcdBackup, decision: &Decision) -> EtcdBackup {
    let mut plan = plan.clone();
    let status = json!({"drill": decision.status, "lastRestorable": decision.restorable});
    plan.status = Some(serde_json::from_value(status).unwrap());
    plan
}

fn running(decision: &Decision) -> Option<&RunningDrill> {
    decision.status.as_ref()?.running.as_ref()
}

fn begun(decision: &Decision) -> Option<&str> {
    let begins = decision.work == Some(Work::Pursue) && told(decision) == ["DrillStarted"];
    running(decision)
        .filter(|_| begins)
        .map(|running| running.source.run_id.as_str())
}

fn told(decision: &Decision) -> Vec<&'static str> {
    decision.notes.iter().map(|note| note.reason).collect()
}

fn verdict(decision: &Decision) -> (Truth, &str) {
    let verdict = decision.verdict.as_ref().unwrap();
    (verdict.truth, verdict.reason.as_str())
}

fn says(observed: &Observed, time: &str, state: Result<JobState, Problem>) -> Observed {
    Observed {
        seen: Some(Seen { at: at(time), state }),
        ..observed.clone()
    }
}

fn waiting(reason: &str, message: &str) -> JobState {
    JobState::active(Some(Wait {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }))
}

fn drilled() -> JobState {
    JobState::Complete(Some(AgentResult::Drilled {
        revision: 42,
        hash_kv: Some(7),
        compared: true,
        etcd: None,
    }))
}

fn problem(reason: &str) -> Problem {
    Problem {
        reason: reason.to_owned(),
        message: "this is why".to_owned(),
    }
}

/// A plan whose drill of `run_id` was begun at `time` and ended like this a minute later.
fn ended(
    plan: &EtcdBackup,
    run_id: &str,
    time: &str,
    state: Result<JobState, Problem>,
) -> (EtcdBackup, Decision) {
    let observed = holding(run_id);
    let began = after(plan, &look(plan, &observed, time));
    let later = at(time) + TimeDelta::minutes(1);
    let seen = Observed {
        seen: Some(Seen { at: later, state }),
        ..observed
    };
    let decision = decide(&began, Timing::of(&began).ok().as_ref(), &seen, later);
    (after(&began, &decision), decision)
}
