use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{
    Candidate, Hold, IgnoreReason, Ignored, KeepReason, Kept, Policy, Removal, RemoveReason, RetentionPlan,
    Standing, period::PeriodRule,
};
use crate::layout::ClusterId;

/// What a policy is applied to, besides the backups.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The etcd that the plan backs up now. Only its backups are ever removed.
    pub generation: ClusterId,
    /// The time.
    pub now: DateTime<Utc>,
    /// The plan's time zone, in which days and weeks begin.
    pub zone: Tz,
    /// Time between two slots of the schedule, if there is one: what a leap of the clock is judged by.
    pub interval: Option<TimeDelta>,
}

/// Below this share of the size before, a snapshot has shrunk suspiciously: one half. A defragmentation does that too,
/// which is why the suspicion ends with the next snapshot of about that size.
const SHRUNK: u64 = 2;
/// So many intervals without a backup may be an outage; more may be the clock.
const LEAP_INTERVALS: i32 = 8;
/// A gap below this never counts as a leap: nothing much is lost by believing a clock that is off by less.
const LEAP_AT_LEAST: TimeDelta = TimeDelta::days(31);
/// What counts as a leap when there is no schedule to judge by.
const LEAP_WITHOUT_SCHEDULE: TimeDelta = TimeDelta::days(366);

/// Decides what becomes of every candidate. See the [module](super) for the rules.
pub fn plan(policy: &Policy, candidates: &[Candidate], context: &Context) -> RetentionPlan {
    let (mine, ignored) = sort_out(candidates, context.generation);
    let mut plan = RetentionPlan {
        ignored,
        ..RetentionPlan::default()
    };
    let reasons = keep_reasons(policy, &mine, context.zone);
    for (candidate, reasons) in mine.iter().zip(reasons) {
        match judge(policy, candidate, &mine, reasons) {
            Ok(reasons) => plan.keep.push(Kept {
                id: candidate.id,
                reasons,
            }),
            Err(why) => plan.remove.push(Removal {
                id: candidate.id,
                why,
            }),
        }
    }
    plan.hold = hold(policy, &mine, context);
    if plan.hold.is_some() {
        plan.held = std::mem::take(&mut plan.remove);
    }
    plan
}

/// Those that take part, newest first, and those that do not.
fn sort_out(candidates: &[Candidate], generation: ClusterId) -> (Vec<&Candidate>, Vec<Ignored>) {
    let mut sorted: Vec<_> = candidates.iter().collect();
    sorted.sort_by_key(|candidate| std::cmp::Reverse((candidate.time, candidate.id)));
    let (mut mine, mut ignored) = (Vec::new(), Vec::new());
    for candidate in sorted {
        let why = match candidate.standing {
            Standing::Foreign => IgnoreReason::Foreign,
            _ if candidate.generation != generation => IgnoreReason::OtherGeneration(candidate.generation),
            Standing::Unverified => IgnoreReason::Unverified,
            Standing::Verified => {
                mine.push(candidate);
                continue;
            }
        };
        ignored.push(Ignored {
            id: candidate.id,
            why,
        });
    }
    (mine, ignored)
}

/// What the counting rules say of each, in the order of `mine`.
fn keep_reasons(policy: &Policy, mine: &[&Candidate], zone: Tz) -> Vec<Vec<KeepReason>> {
    let mut reasons = vec![Vec::new(); mine.len()];
    if !policy.has_counts() {
        for reasons in &mut reasons {
            reasons.push(KeepReason::NoRule);
        }
    }
    let last = policy
        .keep_last
        .map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX));
    for reasons in reasons.iter_mut().take(last) {
        reasons.push(KeepReason::Last);
    }
    for rule in PeriodRule::of(policy) {
        let mut left = rule.count;
        let mut current = None;
        for (candidate, reasons) in mine.iter().zip(&mut reasons) {
            let period = Some(rule.period(candidate.time, zone));
            if period == current {
                continue;
            }
            let Some(fewer) = left.checked_sub(1) else { break };
            left = fewer;
            reasons.extend(period.clone().map(rule.reason));
            current = period;
        }
    }
    reasons
}

/// Adds age, and what no policy may remove.
fn judge(
    policy: &Policy,
    candidate: &Candidate,
    mine: &[&Candidate],
    named: Vec<KeepReason>,
) -> Result<Vec<KeepReason>, RemoveReason> {
    let newest = mine.first().map_or(candidate.time, |newest| newest.time);
    let age = (newest - candidate.time).to_std().unwrap_or(Duration::ZERO);
    let too_old = policy.max_age.filter(|max_age| age > *max_age);
    let mut reasons = Vec::new();
    let always = [
        (
            mine.first().is_some_and(|newest| newest.id == candidate.id),
            KeepReason::Newest,
        ),
        (candidate.pinned, KeepReason::Pinned),
        (candidate.in_use, KeepReason::InUse),
    ];
    reasons.extend(
        always
            .into_iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, reason)| reason),
    );
    let lock = candidate.lock.filter(|lock| lock.holds(newest));
    reasons.extend(lock.map(KeepReason::Locked));
    if too_old.is_none() {
        reasons.extend(named);
    }
    match (reasons.is_empty(), too_old) {
        (false, _) => Ok(reasons),
        (true, Some(max_age)) => Err(RemoveReason::TooOld { age, max_age }),
        (true, None) => Err(RemoveReason::NoRuleNamesIt),
    }
}

/// Is there a reason not to act on what the policy says?
fn hold(policy: &Policy, mine: &[&Candidate], context: &Context) -> Option<Hold> {
    if let Err(error) = policy.validate() {
        return Some(Hold::InvalidPolicy(error));
    }
    let newest = mine.first()?;
    if newest.time > context.now {
        return Some(Hold::ClockBehind { newest: newest.time });
    }
    let before = mine.get(1)?;
    let gap = newest.time - before.time;
    if gap > leap(context.interval) {
        return Some(Hold::ClockLeap { gap });
    }
    if newest.size < before.size / SHRUNK {
        return Some(Hold::Shrunk {
            from: before.size,
            to: newest.size,
        });
    }
    (newest.revision < before.revision).then_some(Hold::RevisionWentBack {
        from: before.revision,
        to: newest.revision,
    })
}

fn leap(interval: Option<TimeDelta>) -> TimeDelta {
    interval.map_or(LEAP_WITHOUT_SCHEDULE, |interval| {
        interval
            .checked_mul(LEAP_INTERVALS)
            .map_or(TimeDelta::MAX, |leap| leap.max(LEAP_AT_LEAST))
    })
}
