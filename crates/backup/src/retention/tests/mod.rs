//! Retention's promises, as sentences.

mod guards;
mod leaps;
mod model;
mod properties;
mod rules;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use etcd_backup_store::Lock;

use super::*;
use crate::layout::{ClusterId, RunId};

pub(super) const GENERATION: ClusterId = ClusterId(0xc0ff_ee00);

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A verified backup of this plan; `n` tells those of one second apart.
pub(super) fn backup(time: DateTime<Utc>, n: u8) -> Candidate {
    Candidate {
        id: RunId::new(time, [0, 0, 0, 0, n]).unwrap(),
        time,
        generation: GENERATION,
        standing: Standing::Verified,
        pinned: false,
        in_use: false,
        lock: None,
        size: 1_000_000,
        revision: time.timestamp(),
        degraded: false,
        suspect: false,
    }
}

fn daily(count: u32, newest: &str) -> Vec<Candidate> {
    (0..count)
        .map(|n| backup(at(newest) - TimeDelta::days(i64::from(n)), 0))
        .collect()
}

pub(super) fn context(now: &str) -> Context {
    Context {
        generation: GENERATION,
        now: at(now),
        zone: Tz::UTC,
        interval: Some(TimeDelta::days(1)),
    }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn kept(plan: &RetentionPlan) -> Vec<RunId> {
    plan.keep.iter().map(|kept| kept.id).collect()
}
