//! Verdicts in words, as statuses, events and `retention --dry-run` show them.

use std::{fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use etcd_backup_store::Lock;

use super::{Hold, IgnoreReason, KeepReason, RemoveReason};

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPolicy(error) => write!(f, "nothing is removed: {error}"),
            Self::ClockBehind { newest } => write!(
                f,
                "nothing is removed: there is a backup of {}, which is in the future. Set the clock right that is wrong: this one, or \
                 the one that stamped that backup, which then must be deleted from the store",
                rfc3339(*newest)
            ),
            Self::CorruptAlarm { newest } => write!(
                f,
                "nothing is removed: when the newest backup was taken, at {}, etcd had the alarm CORRUPT, so older ones may be needed. \
                 `etcdctl alarm list` names the member: replace it and disarm the alarm; the next backup ends this",
                rfc3339(*newest)
            ),
            Self::ClockLeap { gap, after } => write!(
                f,
                "what only a gap makes old is not removed: the backup of {} is stamped {} after the one before it, which an outage or a \
                 wrong clock may have done. Three more backups, over two slots and a day, confirm it; if a clock was wrong, set it \
                 right and delete the backups that it stamped from the store",
                rfc3339(*after),
                days_and_hours(gap.to_std().unwrap_or_default())
            ),
            Self::Shrunk { from, to } => write!(
                f,
                "nothing is removed: the newest snapshot has {to} bytes, the one before it {from}; waiting for another to confirm"
            ),
            Self::RevisionWentBack { from, to } => write!(
                f,
                "nothing is removed: etcd's revision went back from {from} to {to}; waiting for another snapshot to confirm"
            ),
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newest => f.write_str("newest verified"),
            Self::Pinned => f.write_str("pinned"),
            Self::InUse => f.write_str("a restore is reading it"),
            Self::Locked(Lock::Held) => f.write_str("locked by a legal hold"),
            Self::Locked(Lock::Until(end)) => write!(f, "locked until {}", rfc3339(*end)),
            Self::Undegraded => f.write_str("what would take its place was taken without a quorum"),
            Self::NoRule => f.write_str("no rule removes it"),
            Self::Last => f.write_str("keepLast"),
            Self::Hourly(period) => write!(f, "keepHourly ({period})"),
            Self::Daily(period) => write!(f, "keepDaily ({period})"),
            Self::Weekly(period) => write!(f, "keepWeekly ({period})"),
            Self::Monthly(period) => write!(f, "keepMonthly ({period})"),
            Self::Yearly(period) => write!(f, "keepYearly ({period})"),
        }
    }
}

impl fmt::Display for RemoveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRuleNamesIt => f.write_str("no rule of the retention policy keeps it"),
            Self::TooOld { age, max_age } => write!(
                f,
                "{} older than the newest backup; maxAge is {}",
                days_and_hours(*age),
                days_and_hours(*max_age)
            ),
        }
    }
}

impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherGeneration(id) => write!(f, "of another etcd cluster ({id})"),
            Self::Unverified => f.write_str("not verified"),
            Self::Foreign => f.write_str("written by another plan of this name"),
        }
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn days_and_hours(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    match (hours / 24, hours % 24) {
        (0, 0) => format!("{}s", time.as_secs()),
        (0, hours) => format!("{hours}h"),
        (days, 0) => format!("{days}d"),
        (days, hours) => format!("{days}d{hours}h"),
    }
}
