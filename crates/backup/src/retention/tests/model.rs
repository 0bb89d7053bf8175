//! A slow, plain model of retention. It asks of one backup at a time, with no state and no sorting, whether the rules keep
//! it: by counting, for each rule, how many periods are newer than its own.

use std::collections::BTreeSet;

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use super::super::{Candidate, Context, Policy, Standing};

/// Does `a` come after `b`?
fn newer(a: &Candidate, b: &Candidate) -> bool {
    (a.time, a.id) > (b.time, b.id)
}

/// The period of a backup as numbers: a year, a month …
type Period = fn(&Candidate, Tz) -> Vec<i64>;

fn date(candidate: &Candidate, zone: Tz, take: usize) -> Vec<i64> {
    let time = candidate.time.with_timezone(&zone);
    let parts: [i64; 5] = [
        time.year().into(),
        time.month().into(),
        time.day().into(),
        time.hour().into(),
        chrono::Offset::fix(time.offset()).local_minus_utc().into(),
    ];
    parts[..take].to_vec()
}

fn week(candidate: &Candidate, zone: Tz) -> Vec<i64> {
    // The week of a day is that of its Thursday (ISO 8601).
    let day = candidate.time.with_timezone(&zone).date_naive();
    let thursday = day + chrono::TimeDelta::days(3 - i64::from(day.weekday().num_days_from_monday()));
    vec![thursday.year().into(), i64::from(thursday.ordinal0() / 7)]
}

fn rules(policy: &Policy) -> Vec<(u32, Period)> {
    let rules: [(Option<u32>, Period); 5] = [
        (policy.keep_hourly, |c, z| date(c, z, 5)),
        (policy.keep_daily, |c, z| date(c, z, 3)),
        (policy.keep_weekly, week),
        (policy.keep_monthly, |c, z| date(c, z, 2)),
        (policy.keep_yearly, |c, z| date(c, z, 1)),
    ];
    rules
        .into_iter()
        .filter_map(|(count, period)| Some((count?, period)))
        .collect()
}

/// Do the rules keep it, holds left aside? One that is not degraded is also kept if they would without any that is.
pub(super) fn keeps(policy: &Policy, all: &[Candidate], one: &Candidate, context: &Context) -> bool {
    let sound: Vec<_> = all.iter().filter(|other| !other.degraded).cloned().collect();
    keeps_among(policy, all, one, context) || (!one.degraded && keeps_among(policy, &sound, one, context))
}

fn keeps_among(policy: &Policy, all: &[Candidate], one: &Candidate, context: &Context) -> bool {
    let takes_part = |c: &&Candidate| c.standing == Standing::Verified && c.generation == context.generation;
    if !takes_part(&one) {
        return true;
    }
    let mine: Vec<_> = all.iter().filter(takes_part).collect();
    let newer_ones: Vec<_> = mine.iter().filter(|other| newer(other, one)).collect();
    if newer_ones.is_empty() || one.pinned || one.in_use {
        return true;
    }
    let newest = mine.iter().map(|c| c.time).max().unwrap();
    if one
        .lock
        .is_some_and(|lock| lock.end().is_none_or(|end| end > newest))
    {
        return true;
    }
    if policy
        .max_age
        .is_some_and(|age| (newest - one.time).to_std().unwrap() > age)
    {
        return false;
    }
    let rules = rules(policy);
    if rules.is_empty() && policy.keep_last.is_none() {
        return true;
    }
    if policy
        .keep_last
        .is_some_and(|count| newer_ones.len() < count as usize)
    {
        return true;
    }
    rules.iter().any(|(count, period)| {
        let newer_periods: BTreeSet<_> = newer_ones
            .iter()
            .map(|other| period(other, context.zone))
            .collect();
        let own = period(one, context.zone);
        !newer_periods.contains(&own) && newer_periods.len() < *count as usize
    })
}
