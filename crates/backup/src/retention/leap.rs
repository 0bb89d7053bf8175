//! A clock that leapt ahead. One wrong time makes everything before it look old, and from the times alone it cannot be told from an
//! outage: so what only such a gap makes old stays until enough backups on its near side are there.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use etcd_backup_store::Lock;

use super::{Candidate, Policy, period::PeriodRule};

/// So many halves of an interval without a backup are believed at once: one slot that failed, and a run that began late.
const BELIEVED_HALVES: i32 = 5;
/// So many periods of a policy lie between two backups that it kept, each the newest of its period, at most.
const PERIODS: i32 = 2;
/// So many backups after the first one behind a gap confirm it …
const WITNESSES: usize = 3;
/// … once they span as many intervals …
const SPAN_INTERVALS: i32 = 2;
/// … and so much time, in which a person can read what the plan says and set the clock right.
const SPAN_AT_LEAST: TimeDelta = TimeDelta::days(1);
/// Where there is no schedule, what was usual before is taken to be between these two.
const SHORTEST_WITHOUT_SCHEDULE: TimeDelta = TimeDelta::days(1);
const LONGEST_WITHOUT_SCHEDULE: TimeDelta = TimeDelta::days(366);

/// A gap that nothing confirms yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leap {
    /// Time between the two backups beside it.
    pub(super) gap: TimeDelta,
    /// The time of the one that came after it.
    pub(super) after: DateTime<Utc>,
}

/// `mine`, newest first, with each gap that nothing confirms closed to what is believed at once, and the largest such gap. `None` when
/// all times can be believed.
pub(super) fn without_leaps(
    mine: &[&Candidate],
    policy: &Policy,
    interval: Option<TimeDelta>,
    zone: Tz,
) -> Option<(Vec<Candidate>, Leap)> {
    let mut thinning = Thinning::of(policy);
    let gaps: Vec<TimeDelta> = mine.windows(2).map(|pair| pair[0].time - pair[1].time).collect();
    let mut closed = vec![TimeDelta::zero(); gaps.len()];
    let mut largest: Option<Leap> = None;
    let mut span = TimeDelta::zero();
    for (index, &gap) in gaps.iter().enumerate() {
        let usual = interval.unwrap_or_else(|| longest(&gaps[index + 1..]));
        let thinned = thinning.after(index, mine[index].time, zone);
        if index >= WITNESSES && span >= times(usual, SPAN_INTERVALS).max(SPAN_AT_LEAST) {
            break;
        }
        let believed = times(usual, BELIEVED_HALVES) / 2;
        if gap <= believed.max(times(thinned, PERIODS)) {
            span = span.checked_add(&gap).unwrap_or(TimeDelta::MAX);
            continue;
        }
        span = span.checked_add(&believed).unwrap_or(TimeDelta::MAX);
        closed[index] = gap - believed;
        if largest.is_none_or(|largest| gap > largest.gap) {
            let after = mine[index].time;
            largest = Some(Leap { gap, after });
        }
    }
    let leap = largest?;
    // Each is moved by all gaps that lie before it in time.
    let mut moved: Vec<Candidate> = mine.iter().map(|candidate| (*candidate).clone()).collect();
    let mut by = TimeDelta::zero();
    for index in (0..gaps.len()).rev() {
        by += closed[index];
        moved[index].time -= by;
    }
    // Locks are judged at the time of the newest, and the store knows by its own clock when they end: they move with it.
    for candidate in &mut moved {
        if let Some(Lock::Until(end)) = &mut candidate.lock {
            *end = end.checked_sub_signed(by).unwrap_or(DateTime::<Utc>::MIN_UTC);
        }
    }
    Some((moved, leap))
}

/// How far apart the policy itself may have left two neighbours, on a walk from the newest backup to the oldest.
struct Thinning {
    counts: bool,
    keep_last: usize,
    rules: Vec<Seen>,
}

/// A rule, the period that the walk is in, and how many it has seen.
struct Seen {
    rule: PeriodRule,
    periods: u32,
    current: Option<String>,
}

impl Thinning {
    fn of(policy: &Policy) -> Self {
        let seen = |rule| Seen {
            rule,
            periods: 0,
            current: None,
        };
        Self {
            counts: policy.has_counts(),
            keep_last: policy
                .keep_last
                .map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX)),
            rules: PeriodRule::of(policy).map(seen).collect(),
        }
    }

    /// Between the backup that the walk has come to, which has `index` newer ones, and the next: a period of the finest rule that reaches
    /// so far, or of the coarsest where none does. Zero where nothing was thinned: retention runs right after a success, so the newest but
    /// one is always there.
    fn after(&mut self, index: usize, time: DateTime<Utc>, zone: Tz) -> TimeDelta {
        for seen in &mut self.rules {
            let period = Some(seen.rule.period(time, zone));
            if period != seen.current {
                seen.current = period;
                seen.periods = seen.periods.saturating_add(1);
            }
        }
        if index == 0 || !self.counts || index < self.keep_last {
            return TimeDelta::zero();
        }
        let reaching = self.rules.iter().filter(|seen| seen.periods < seen.rule.count);
        let finest = reaching.map(|seen| seen.rule.length).min();
        let coarsest = || self.rules.iter().map(|seen| seen.rule.length).max();
        finest.or_else(coarsest).unwrap_or_default()
    }
}

fn longest(gaps: &[TimeDelta]) -> TimeDelta {
    let longest = gaps.iter().max().copied().unwrap_or_default();
    longest.clamp(SHORTEST_WITHOUT_SCHEDULE, LONGEST_WITHOUT_SCHEDULE)
}

fn times(time: TimeDelta, factor: i32) -> TimeDelta {
    time.checked_mul(factor).unwrap_or(TimeDelta::MAX)
}
