//! Calendar periods in a time zone.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{KeepReason, Policy};

/// Names the period that a time falls into.
type Name = fn(DateTime<Tz>) -> String;
/// Makes the reason out of a period's name.
type Reason = fn(String) -> KeepReason;

/// A rule that keeps the newest backup of each of the last so many periods.
#[derive(Clone, Copy)]
pub(super) struct PeriodRule {
    /// How many periods.
    pub(super) count: u32,
    /// How long a period is at most.
    pub(super) length: TimeDelta,
    /// The period's name; equal for equal periods, different for different ones.
    name: Name,
    /// What a backup that it keeps is told.
    pub(super) reason: Reason,
}

impl PeriodRule {
    /// The rules that a policy has.
    pub(super) fn of(policy: &Policy) -> impl Iterator<Item = Self> {
        // A day is 25 hours long when clocks are set back.
        let rules: [(Option<u32>, TimeDelta, Name, Reason); 5] = [
            (policy.keep_hourly, TimeDelta::hours(1), hour, KeepReason::Hourly),
            (policy.keep_daily, TimeDelta::hours(25), day, KeepReason::Daily),
            (policy.keep_weekly, TimeDelta::days(8), week, KeepReason::Weekly),
            (
                policy.keep_monthly,
                TimeDelta::days(32),
                month,
                KeepReason::Monthly,
            ),
            (policy.keep_yearly, TimeDelta::days(367), year, KeepReason::Yearly),
        ];
        rules.into_iter().filter_map(|(count, length, name, reason)| {
            count.map(|count| Self {
                count,
                length,
                name,
                reason,
            })
        })
    }

    /// The period that a time falls into.
    pub(super) fn period(&self, time: DateTime<Utc>, zone: Tz) -> String {
        (self.name)(time.with_timezone(&zone))
    }
}

/// With the offset, so that the hour which daylight saving time repeats is two hours.
fn hour(time: DateTime<Tz>) -> String {
    time.format("%Y-%m-%d %Hh %:z").to_string()
}

fn day(time: DateTime<Tz>) -> String {
    time.format("%Y-%m-%d").to_string()
}

fn week(time: DateTime<Tz>) -> String {
    let week = time.iso_week();
    format!("{}-W{:02}", week.year(), week.week())
}

fn month(time: DateTime<Tz>) -> String {
    time.format("%Y-%m").to_string()
}

fn year(time: DateTime<Tz>) -> String {
    time.format("%Y").to_string()
}
