//! The parts of a plan that only we can check: cron, time zone, and what follows from them.

use chrono::TimeDelta;
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{Duration, EtcdBackup};
use etcd_backup_backup::schedule::{Schedule, jitter};
use kube::ResourceExt;

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// When a plan runs, understood.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Its slots; `None` for a plan that runs on demand only.
    pub schedule: Option<Schedule>,
    /// How long after its slots it runs: fixed for the plan.
    pub jitter: TimeDelta,
    /// How late a slot may still be made up for.
    pub starting_deadline: TimeDelta,
}

impl Timing {
    /// Understands the plan, or says what only its author can put right.
    ///
    /// Bounds that the CRD states are not trusted either: an object may have been stored under an older one.
    pub fn of(plan: &EtcdBackup) -> Result<Self, Trouble> {
        let spec = &plan.spec;
        let schedule = spec
            .schedule
            .as_deref()
            .map(|text| Schedule::parse(text, spec.time_zone.as_deref()))
            .transpose()
            .map_err(|error| Trouble {
                reason: reason::INVALID_SCHEDULE.to_owned(),
                message: error.to_string(),
            })?;
        let starting_deadline = length("startingDeadline", spec.starting_deadline)?;
        length("timeout", spec.timeout)?;
        let most = length("jitter", spec.jitter)?;
        if starting_deadline.is_zero() || spec.timeout.is_zero() {
            return Err(invalid(
                "startingDeadline and timeout must be longer than nothing",
            ));
        }
        let jitter = jitter(&plan.uid().unwrap_or_default(), most);
        Ok(Self {
            schedule,
            jitter,
            starting_deadline,
        })
    }
}

/// The longest duration that makes sense here. Far below what calendar arithmetic can take.
const LONGEST: TimeDelta = TimeDelta::days(3660);

fn length(field: &str, duration: Duration) -> Result<TimeDelta, Trouble> {
    TimeDelta::from_std(duration.as_std())
        .ok()
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| invalid(&format!("{field} is longer than ten years")))
}

fn invalid(message: &str) -> Trouble {
    Trouble {
        reason: reason::INVALID_SPEC.to_owned(),
        message: message.to_owned(),
    }
}
