use std::{collections::BTreeSet, time::Duration};

use chrono::{TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use etcd_backup_store::Lock;
use proptest::prelude::*;

use super::{super::*, GENERATION, backup, model};
use crate::layout::{ClusterId, RunId};

/// Counts that matter are small; a large one is as good as none.
fn count() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![2 => Just(None), 3 => (1_u32..6).prop_map(Some), 1 => Just(Some(u32::MAX))]
}

prop_compose! {
    pub(super) fn any_policy()(
        keep_last in count(), keep_hourly in count(), keep_daily in count(), keep_weekly in count(), keep_monthly in count(),
        keep_yearly in count(), hours in prop::option::weighted(0.4, 1_u64..20_000),
    ) -> Policy {
        let max_age = hours.map(|hours| Duration::from_secs(hours * 3600));
        Policy { keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly, max_age }
    }
}

/// Gaps of minutes, hours, days and months, so that every kind of period is crowded in some cases and sparse in others.
fn gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0_i64),
        1_i64..3_600,
        3_600_i64..90_000,
        86_400_i64..2_600_000,
        2_000_000_i64..40_000_000
    ]
}

/// Locks that end before and after any time that a case has.
fn any_lock() -> impl Strategy<Value = Lock> {
    let end =
        (1_700_000_000_i64..2_000_000_000).prop_map(|end| Lock::Until(Utc.timestamp_opt(end, 0).unwrap()));
    prop_oneof![4 => end, 1 => Just(Lock::Held)]
}

prop_compose! {
    fn any_candidate()(
        gap in gap(), n in 0_u8..3, other_generation in prop::bool::weighted(0.1), unverified in prop::bool::weighted(0.15),
        foreign in prop::bool::weighted(0.05), pinned in prop::bool::weighted(0.1), in_use in prop::bool::weighted(0.05),
        size in 1_u64..2_000_000, revision in 1_i64..1_000, lock in prop::option::weighted(0.2, any_lock()),
        degraded in prop::bool::weighted(0.15),
    ) -> (i64, Candidate) {
        let standing = if foreign { Standing::Foreign } else if unverified { Standing::Unverified } else { Standing::Verified };
        let generation = if other_generation { ClusterId(7) } else { GENERATION };
        (gap, Candidate { generation, standing, pinned, in_use, lock, size, revision, degraded, ..backup(Utc.timestamp_opt(0, 0).unwrap(), n) })
    }
}

prop_compose! {
    /// Backups in any order, each id once, as a bucket holds them.
    fn any_backups()(list in prop::collection::vec(any_candidate(), 0..40), shift in 0_i64..40_000_000)(list in Just(list).prop_shuffle(), shift in Just(shift)) -> Vec<Candidate> {
        let mut time = Utc.timestamp_opt(1_750_000_000 + shift, 0).unwrap();
        let mut seen = BTreeSet::new();
        list.into_iter().filter_map(|(gap, candidate)| {
            time -= TimeDelta::seconds(gap);
            let random = candidate.id.to_string().into_bytes();
            let id = RunId::new(time, [0, 0, 0, 0, random[random.len() - 1]]).unwrap();
            seen.insert(id).then_some(Candidate { id, time, ..candidate })
        }).collect()
    }
}

prop_compose! {
    fn any_context()(zone in prop::sample::select(vec![Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Pacific__Kiritimati, Tz::Asia__Kolkata]), ahead in -10_000_i64..100_000_000, interval in prop::option::of(1_i64..400)) -> Context {
        let now = Utc.timestamp_opt(1_790_000_000 + ahead, 0).unwrap();
        Context { generation: GENERATION, now, zone, interval: interval.map(TimeDelta::days) }
    }
}

pub(super) fn removed(plan: &RetentionPlan) -> BTreeSet<RunId> {
    plan.remove.iter().map(|removal| removal.id).collect()
}

/// What the policy alone would remove.
pub(super) fn named(plan: &RetentionPlan) -> BTreeSet<RunId> {
    plan.remove
        .iter()
        .chain(&plan.held)
        .map(|removal| removal.id)
        .collect()
}

fn without(backups: &[Candidate], gone: &BTreeSet<RunId>) -> Vec<Candidate> {
    backups
        .iter()
        .filter(|candidate| !gone.contains(&candidate.id))
        .cloned()
        .collect()
}

fn verified(backups: &[Candidate]) -> impl Iterator<Item = &Candidate> {
    backups
        .iter()
        .filter(|c| c.standing == Standing::Verified && c.generation == GENERATION)
}

/// Is `a` at least as strict as `b`?
fn stricter(a: &Policy, b: &Policy) -> bool {
    let age = match (a.max_age, b.max_age) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a <= b,
    };
    let counts = |policy: &Policy| {
        [
            policy.keep_last,
            policy.keep_hourly,
            policy.keep_daily,
            policy.keep_weekly,
            policy.keep_monthly,
            policy.keep_yearly,
        ]
    };
    let has = |policy: &Policy| counts(policy).iter().any(Option::is_some);
    let fewer = counts(a)
        .iter()
        .zip(counts(b))
        .all(|(a, b)| a.unwrap_or(0) <= b.unwrap_or(0));
    age && (!has(b) || (has(a) && fewer))
}

/// A policy that is stricter than the given one, by the choices made.
fn tighten(policy: &Policy, cuts: [Option<u32>; 6], age: Option<u64>) -> Policy {
    let cut = |count: Option<u32>, to: Option<u32>| count.map(|count| to.map_or(count, |to| count.min(to)));
    let [last, hourly, daily, weekly, monthly, yearly] = cuts;
    let max_age = age
        .map(|hours| Duration::from_secs(hours * 3600))
        .into_iter()
        .chain(policy.max_age)
        .min();
    Policy {
        keep_last: cut(policy.keep_last, last),
        keep_hourly: cut(policy.keep_hourly, hourly),
        keep_daily: cut(policy.keep_daily, daily),
        keep_weekly: cut(policy.keep_weekly, weekly),
        keep_monthly: cut(policy.keep_monthly, monthly),
        keep_yearly: cut(policy.keep_yearly, yearly),
        max_age,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_verdict_is_that_of_the_slow_model(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        let named = named(&plan);
        for one in &backups {
            prop_assert_eq!(!named.contains(&one.id), model::keeps(&policy, &backups, one, &context), "{:?}", one);
        }
    }

    #[test]
    fn every_backup_gets_exactly_one_verdict_with_a_reason(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        let mut ids: Vec<_> = plan.keep.iter().map(|k| k.id).chain(plan.remove.iter().chain(&plan.held).map(|r| r.id)).chain(plan.ignored.iter().map(|i| i.id)).collect();
        ids.sort();
        let mut all: Vec<_> = backups.iter().map(|c| c.id).collect();
        all.sort();
        prop_assert_eq!(ids, all);
        prop_assert!(plan.keep.iter().all(|kept| !kept.reasons.is_empty()));
        prop_assert!(plan.held.is_empty() || plan.hold.is_some());
    }

    #[test]
    fn the_newest_verified_backup_is_never_removed(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        if let Some(newest) = verified(&backups).max_by_key(|c| (c.time, c.id)) {
            prop_assert!(!named(&plan).contains(&newest.id));
        }
        if let Some(newest) = verified(&backups).filter(|c| !c.degraded).max_by_key(|c| (c.time, c.id)) {
            prop_assert!(!named(&plan).contains(&newest.id), "the newest that is not degraded");
        }
    }

    #[test]
    fn a_degraded_backup_displaces_none_that_is_not(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let sound: Vec<_> = backups.iter().filter(|c| !c.degraded).cloned().collect();
        let ids: BTreeSet<_> = sound.iter().map(|c| c.id).collect();
        let gone: BTreeSet<_> = named(&plan(&policy, &backups, &context)).intersection(&ids).copied().collect();
        prop_assert!(gone.is_subset(&named(&plan(&policy, &sound, &context))));
    }

    #[test]
    fn a_pinned_backup_or_one_in_use_is_never_removed(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        prop_assert!(backups.iter().filter(|c| c.pinned || c.in_use).all(|c| !named(&plan).contains(&c.id)));
    }

    #[test]
    fn a_locked_backup_is_never_removed_before_its_lock_ended(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        let removed = removed(&plan);
        let locked = |c: &&Candidate| c.lock.is_some_and(|lock| lock.end().is_none_or(|end| end > context.now));
        prop_assert!(backups.iter().filter(locked).all(|c| !removed.contains(&c.id)));
        for kept in plan.keep.iter().filter(|kept| kept.only_locked().is_some()) {
            let unlocked: Vec<_> = backups.iter().map(|c| Candidate { lock: if c.id == kept.id { None } else { c.lock }, ..c.clone() }).collect();
            prop_assert!(named(&super::super::plan(&policy, &unlocked, &context)).contains(&kept.id), "something else keeps it too");
        }
    }

    #[test]
    fn only_verified_backups_of_this_plan_and_this_etcd_are_ever_removed(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        let ours: BTreeSet<_> = verified(&backups).map(|c| c.id).collect();
        prop_assert!(named(&plan).is_subset(&ours));
    }

    #[test]
    fn unverified_and_foreign_backups_neither_count_nor_protect(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let only: Vec<_> = verified(&backups).cloned().collect();
        prop_assert_eq!(named(&plan(&policy, &backups, &context)), named(&plan(&policy, &only, &context)));
    }

    #[test]
    fn the_order_of_a_listing_does_not_matter(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let mut sorted = backups.clone();
        sorted.sort_by_key(|c| (c.revision, c.size, c.id));
        prop_assert_eq!(plan(&policy, &backups, &context), plan(&policy, &sorted, &context));
    }

    #[test]
    fn what_was_kept_stays_kept_when_the_plan_is_made_again(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let first = plan(&policy, &backups, &context);
        let second = plan(&policy, &without(&backups, &named(&first)), &context);
        prop_assert!(named(&second).is_empty(), "{:?}", second);
    }

    #[test]
    fn retention_that_was_killed_in_the_middle_ends_where_it_would_have_ended(backups in any_backups(), policy in any_policy(), context in any_context(), cut: prop::sample::Index) {
        let first = plan(&policy, &backups, &context);
        let all: Vec<_> = named(&first).into_iter().collect();
        prop_assume!(!all.is_empty());
        let some: BTreeSet<_> = all[..cut.index(all.len() + 1)].iter().copied().collect();
        let second = plan(&policy, &without(&backups, &some), &context);
        let both: BTreeSet<_> = some.union(&named(&second)).copied().collect();
        prop_assert_eq!(both, named(&first));
    }

    #[test]
    fn a_stricter_policy_keeps_a_subset(backups in any_backups(), policy in any_policy(), cuts: [Option<u8>; 6], age in prop::option::of(1_u64..20_000), context in any_context()) {
        let cuts = cuts.map(|cut| cut.map(|cut| u32::from(cut % 5) + 1));
        let strict = tighten(&policy, cuts, age);
        prop_assert!(stricter(&strict, &policy));
        prop_assert!(named(&plan(&strict, &backups, &context)).is_superset(&named(&plan(&policy, &backups, &context))));
    }

    #[test]
    fn a_policy_that_counts_keeps_a_subset_of_one_that_only_knows_age(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let lax = Policy { max_age: policy.max_age, ..Policy::default() };
        prop_assert!(stricter(&policy, &lax));
        prop_assert!(named(&plan(&policy, &backups, &context)).is_superset(&named(&plan(&lax, &backups, &context))));
    }

    #[test]
    fn a_clock_behind_any_verified_backup_removes_nothing(backups in any_backups(), policy in any_policy(), context in any_context(), behind in 1_i64..4_000_000_000) {
        let Some(newest) = verified(&backups).map(|c| c.time).max() else { return Ok(()) };
        let context = Context { now: newest - TimeDelta::seconds(behind), ..context };
        prop_assert!(removed(&plan(&policy, &backups, &context)).is_empty());
    }

    #[test]
    fn how_far_a_clock_leaps_ahead_changes_no_verdict(backups in any_backups(), policy in any_policy(), context in any_context(), ahead in 0_i64..4_000_000_000) {
        let Some(newest) = verified(&backups).map(|c| c.time).max() else { return Ok(()) };
        let now = Context { now: newest, ..context };
        let later = Context { now: newest + TimeDelta::seconds(ahead), ..context };
        prop_assert_eq!(plan(&policy, &backups, &now), plan(&policy, &backups, &later));
    }

    #[test]
    fn a_hold_removes_nothing_and_says_what_would_have_gone(backups in any_backups(), policy in any_policy(), context in any_context()) {
        let plan = plan(&policy, &backups, &context);
        let in_part = matches!(plan.hold, Some(Hold::ClockLeap { .. }));
        prop_assert!(plan.hold.is_none() || plan.remove.is_empty() || in_part);
        prop_assert!(plan.hold.is_some() || plan.held.is_empty());
    }

    #[test]
    fn a_new_backup_never_brings_an_old_one_back_nor_removes_itself(backups in any_backups(), policy in any_policy(), context in any_context(), gap in gap()) {
        let Some(newest) = verified(&backups).map(|c| c.time).max() else { return Ok(()) };
        let before = named(&plan(&policy, &backups, &context));
        let next = backup(newest + TimeDelta::seconds(gap + 1), 9);
        let mut more = backups.clone();
        more.push(next.clone());
        let after = named(&plan(&policy, &more, &context));
        prop_assert!(!after.contains(&next.id));
        prop_assert!(after.is_superset(&before), "{:?} came back", before.difference(&after).collect::<Vec<_>>());
    }
}
