use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::{
    Candidate, Hold, IgnoreReason, Ignored, KeepReason, Kept, Policy, Removal, RemoveReason, RetentionPlan,
    Standing, leap, period::PeriodRule,
};
use crate::layout::{ClusterId, RunId};

/// What a policy is applied to, besides the backups.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The etcd that the plan backs up now. Only its backups are ever removed.
    pub generation: ClusterId,
    /// The time.
    pub now: DateTime<Utc>,
    /// The plan's time zone, in which days and weeks begin.
    pub zone: Tz,
    /// The longest time between two slots of the schedule, if there is one: what a leap of the clock is judged by. Without it, the
    /// longest time between two older backups is.
    pub interval: Option<TimeDelta>,
}

/// Below this share of the size before, a snapshot has shrunk suspiciously: one half. A defragmentation does that too,
/// which is why the suspicion ends with the next snapshot of about that size.
const SHRUNK: u64 = 2;

/// Decides what becomes of every candidate. See the [module](super) for the rules.
pub fn plan(policy: &Policy, candidates: &[Candidate], context: &Context) -> RetentionPlan {
    let (mine, ignored) = sort_out(candidates, context.generation);
    let mut plan = RetentionPlan {
        ignored,
        ..RetentionPlan::default()
    };
    let removals = judge_all(policy, &mine, context.zone);
    for (candidate, verdict) in mine.iter().zip(removals) {
        match verdict {
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
    } else {
        hold_what_a_leap_makes_old(policy, &mine, context, &mut plan);
    }
    plan
}

/// Holds what would not go, had the clock not leapt where that is not confirmed yet. What goes either way goes.
fn hold_what_a_leap_makes_old(
    policy: &Policy,
    mine: &[&Candidate],
    context: &Context,
    plan: &mut RetentionPlan,
) {
    let Some((moved, leap)) = leap::without_leaps(mine, policy, context.interval, context.zone) else {
        return;
    };
    let moved: Vec<&Candidate> = moved.iter().collect();
    let verdicts = judge_all(policy, &moved, context.zone);
    let goes: BTreeSet<RunId> = moved
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.is_err())
        .map(|(candidate, _)| candidate.id)
        .collect();
    let (remove, held) = std::mem::take(&mut plan.remove)
        .into_iter()
        .partition(|removal| goes.contains(&removal.id));
    (plan.remove, plan.held) = (remove, held);
    plan.hold = (!plan.held.is_empty()).then_some(Hold::ClockLeap {
        gap: leap.gap,
        after: leap.after,
    });
}

/// What becomes of each of `mine`, newest first, holds left aside.
///
/// One that was taken without a quorum displaces none that was taken with one: those stay for what keeps them beside degraded ones,
/// and for what would keep them without any.
fn judge_all(policy: &Policy, mine: &[&Candidate], zone: Tz) -> Vec<Result<Vec<KeepReason>, RemoveReason>> {
    let sound: Vec<&Candidate> = mine.iter().copied().filter(|one| !one.degraded).collect();
    let mut verdicts = judge_among(policy, mine, zone);
    if sound.len() == mine.len() {
        return verdicts;
    }
    let undegraded = verdicts.iter_mut().zip(mine).filter(|(_, one)| !one.degraded);
    for ((verdict, _), alone) in undegraded.zip(judge_among(policy, &sound, zone)) {
        let Ok(alone) = alone else { continue };
        let by_rule = alone.iter().any(is_of_a_rule);
        match verdict {
            Ok(reasons) if by_rule && !reasons.iter().any(is_of_a_rule) => {
                reasons.push(KeepReason::Undegraded);
            }
            Ok(_) => {}
            Err(_) if by_rule => *verdict = Ok(vec![KeepReason::Undegraded]),
            Err(_) => *verdict = Ok(alone),
        }
    }
    verdicts
}

/// Whether it is for the sake of the policy, or of the newest, and not of somebody who holds on to this very backup.
fn is_of_a_rule(reason: &KeepReason) -> bool {
    !matches!(
        reason,
        KeepReason::Pinned | KeepReason::InUse | KeepReason::Locked(_)
    )
}

fn judge_among(policy: &Policy, mine: &[&Candidate], zone: Tz) -> Vec<Result<Vec<KeepReason>, RemoveReason>> {
    let reasons = keep_reasons(policy, mine, zone);
    mine.iter()
        .zip(reasons)
        .map(|(candidate, reasons)| judge(policy, candidate, mine, reasons))
        .collect()
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
    if newest.suspect {
        return Some(Hold::CorruptAlarm { newest: newest.time });
    }
    let before = mine.get(1)?;
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
