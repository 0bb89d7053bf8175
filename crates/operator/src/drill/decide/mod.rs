//! What is to become of a plan's drills. Pure: what it needs to know is handed in, what it wants is handed back.

mod due;
mod follow;
#[cfg(test)]
mod tests;
mod verdict;
mod view;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{Drill, DrillStatus, EtcdBackup, RunningDrill, Verification};
use etcd_backup_backup::schedule::Schedule;
use kube::ResourceExt;
use sha2::{Digest, Sha256};

pub use view::{Decision, Newest, Observed, Verdict, Work};

use crate::jobs;
use crate::plan::timing::Timing;

/// How often a Job is looked at.
const LOOK: TimeDelta = TimeDelta::seconds(5);

/// How often one is looked at or asked for where that does not work.
const WAIT: TimeDelta = TimeDelta::seconds(30);

const ACTION: &str = "Drill";

/// Decides about the drills of `plan` at `now`. `timing` is the plan's own, where it can be understood.
pub fn decide(
    plan: &EtcdBackup,
    timing: Option<&Timing>,
    observed: &Observed,
    now: DateTime<Utc>,
) -> Decision {
    let before = plan.status.clone().unwrap_or_default();
    let drills = before.drill.map(|drills| *drills).unwrap_or_default();
    if plan.spec.verification != Verification::Restore {
        return Decision {
            restorable: before.last_restorable,
            work: drills.running.map(|_| Work::Abandon),
            ..Decision::default()
        };
    }
    let spec = plan.spec.drill.as_deref().cloned().unwrap_or_default();
    let schedule = schedule(plan, &spec);
    let mut case = Case {
        refusal: verdict::refusal(plan, &spec, schedule.as_ref().err(), observed),
        schedule: schedule.ok().flatten(),
        plan,
        spec,
        timing,
        observed,
        decision: Decision {
            restorable: before.last_restorable,
            ..Decision::default()
        },
        drills,
        now,
    };
    match case.drills.running.clone() {
        // Whoever let it begin has taken that back; what became of it cannot be seen.
        Some(_) if !observed.enabled => case.drills.running = None,
        Some(running) => follow::follow(&mut case, running),
        None => due::begin(&mut case),
    }
    case.decision.verdict = Some(verdict::judge(&case));
    case.decision.status = Some(case.drills).filter(|drills| *drills != DrillStatus::default());
    case.decision
}

/// A plan's drills under decision.
struct Case<'a> {
    plan: &'a EtcdBackup,
    spec: Drill,
    /// The schedule of the drills, if they have one of their own.
    schedule: Option<Schedule>,
    timing: Option<&'a Timing>,
    /// Why no drill can begin.
    refusal: Option<Verdict>,
    observed: &'a Observed,
    /// What the status says, and will say.
    drills: DrillStatus,
    decision: Decision,
    now: DateTime<Utc>,
}

impl Case<'_> {
    /// Comes again then, if nothing else makes it come sooner.
    fn again(&mut self, at: DateTime<Utc>) {
        let sooner = self.decision.again.map_or(at, |again| again.min(at));
        self.decision.again = Some(sooner);
    }
}

/// The schedule of the drills, understood.
fn schedule(plan: &EtcdBackup, spec: &Drill) -> Result<Option<Schedule>, String> {
    let zone = plan.spec.time_zone.as_deref();
    let schedule = spec.schedule.as_deref().map(|text| Schedule::parse(text, zone));
    schedule.transpose().map_err(|error| error.to_string())
}

/// How long after a drill the next one is to be expected: by its own schedule, or by that of the snapshots.
pub fn expected_interval(plan: &EtcdBackup, now: DateTime<Utc>) -> Option<TimeDelta> {
    if plan.spec.verification != Verification::Restore || plan.spec.suspend {
        return None;
    }
    let zone = plan.spec.time_zone.as_deref();
    let own = plan
        .spec
        .drill
        .as_ref()
        .and_then(|drill| drill.schedule.as_deref());
    let text = own.or(plan.spec.schedule.as_deref())?;
    Schedule::parse(text, zone).ok()?.expected_interval(now)
}

/// The name of a drill's Job: always the same for the same drill.
fn job_name(plan: &EtcdBackup, run_id: &str, start: DateTime<Utc>) -> String {
    let uid = plan.uid().unwrap_or_default();
    let digest = Sha256::digest(format!("{run_id} {}", start.timestamp()).as_bytes());
    let number = digest
        .iter()
        .take(4)
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    jobs::name(&plan.name_any(), &uid, &format!("drill-{number:08x}"))
}

/// A drill of the newest snapshot that begins now.
fn new_drill(plan: &EtcdBackup, newest: &Newest, now: DateTime<Utc>) -> RunningDrill {
    RunningDrill {
        snapshot: newest.snapshot.clone(),
        job: job_name(plan, &newest.source.run_id, now),
        start_time: now,
        source: newest.source.clone(),
        message: None,
        progress: None,
    }
}
