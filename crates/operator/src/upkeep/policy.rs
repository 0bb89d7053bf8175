//! What a plan says of retention, as retention understands it.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use etcd_backup_api::{EtcdBackup, Retention};
use etcd_backup_backup::retention::Policy;
use etcd_backup_backup::schedule::Schedule;

use crate::connect::Failure;

/// Its rules.
pub(super) fn policy(rules: &Retention) -> Policy {
    Policy {
        keep_last: rules.keep_last,
        keep_hourly: rules.keep_hourly,
        keep_daily: rules.keep_daily,
        keep_weekly: rules.keep_weekly,
        keep_monthly: rules.keep_monthly,
        keep_yearly: rules.keep_yearly,
        max_age: rules.max_age.map(Into::into),
    }
}

/// The zone in which days begin, and the longest distance of two slots.
pub(super) fn calendar(
    plan: &EtcdBackup,
    now: DateTime<Utc>,
) -> Result<(Tz, Option<chrono::TimeDelta>), Failure> {
    let zone = plan.spec.time_zone.as_deref();
    let Some(expression) = &plan.spec.schedule else {
        let zone = zone.map_or(Ok(Tz::UTC), Tz::from_str);
        return Ok((
            zone.map_err(|_| Failure::lasting("InvalidSpec", "timeZone is not a known time zone"))?,
            None,
        ));
    };
    let schedule = Schedule::parse(expression, zone)
        .map_err(|error| Failure::lasting("InvalidSpec", error.to_string()))?;
    Ok((schedule.zone(), schedule.longest_interval(now)))
}
