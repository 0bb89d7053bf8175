//! From a pattern over wall clock times to instants.

use chrono::{
    DateTime, Datelike, LocalResult, NaiveDateTime, Offset, SubsecRound, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

use super::{
    ScheduleError,
    expression::{self, Expression},
};

/// A schedule in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: Expression,
    zone: Tz,
}

/// More than any change of the clock takes away or repeats: the largest since 1970 that repeats time is two hours
/// (Troll). Skipped days (Samoa 2011) need no allowance, since nothing in a gap is looked back for.
const LARGEST_REPEAT: TimeDelta = TimeDelta::hours(3);
/// Longest gap searched for its end: Samoa and Tokelau skipped a whole day in 2011.
const LARGEST_GAP_MINUTES: i64 = 25 * 60;
/// What most schedules repeat after.
const WEEK: TimeDelta = TimeDelta::weeks(1);
/// croner ends at the year 5000; before 1900 zones had offsets of odd seconds.
const YEARS: std::ops::Range<i32> = 1900..4900;
/// Where a search for any slot at all begins. All patterns repeat within 400 years; croner looks as far as the year 5000.
const ANY_TIME: NaiveDateTime = DateTime::UNIX_EPOCH.naive_utc();

impl Schedule {
    /// Reads five cron fields or a macro, in the time zone with this IANA name (UTC without one).
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, ScheduleError> {
        let zone = zone_named(zone)?;
        let expression = expression::parse(text)?;
        let schedule = Self { expression, zone };
        schedule.wall_after(ANY_TIME).ok_or(ScheduleError::Never)?;
        Ok(schedule)
    }

    /// The time zone it is read in.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first slot after `time`. `None` outside the years 1900 to 4900.
    pub fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let overlap = self.overlap(time)?;
        let mut wall = self.local(time) - overlap - TimeDelta::seconds(1);
        let mut best: Option<DateTime<Utc>> = None;
        loop {
            wall = self.wall_after(wall)?;
            let instants = self.instants(wall);
            // Wall clock times run in order but for repeats, so the first instant of a later one is never earlier.
            let no_better = best.is_some_and(|best| instants.first().is_some_and(|first| first >= best));
            if no_better || (best.is_some() && overlap.is_zero()) {
                return best;
            }
            let found = instants.into_iter().flatten().find(|instant| *instant > time);
            best = [best, found].into_iter().flatten().min();
        }
    }

    /// The last slot at or before `time`. `None` outside the years 1900 to 4900.
    pub fn previous_or_at(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let overlap = self.overlap(time)?;
        let mut wall = self.local(time) + overlap + TimeDelta::seconds(1);
        let mut best: Option<DateTime<Utc>> = None;
        loop {
            wall = self.wall_before(wall)?;
            let instants = self.instants(wall);
            let no_better = best.is_some_and(|best| instants.last().is_some_and(|last| last <= best));
            if no_better || (best.is_some() && overlap.is_zero()) {
                return best;
            }
            let found = instants.into_iter().flatten().rfind(|instant| *instant <= time);
            best = [best, found].into_iter().flatten().max();
        }
    }

    /// Time between the slots around `time`: how long after a backup of that time the next is to be expected.
    pub fn expected_interval(&self, time: DateTime<Utc>) -> Option<TimeDelta> {
        Some(self.next_after(time)? - self.previous_or_at(time)?)
    }

    /// The longest time between two slots of the week before `time`, or longer ago where slots are rarer: what a schedule of working days
    /// leaves at weekends.
    pub fn longest_interval(&self, time: DateTime<Utc>) -> Option<TimeDelta> {
        let mut at = time;
        let mut longest = self.expected_interval(at)?;
        while time - at < WEEK {
            let hour_before = at - TimeDelta::hours(1);
            let Some(slot) = self.previous_or_at(at) else {
                break;
            };
            // No need to look at every slot of an hour: none is further from the next than that.
            at = hour_before.min(slot - TimeDelta::seconds(1));
            let Some(interval) = self.expected_interval(at) else {
                break;
            };
            longest = longest.max(interval);
        }
        Some(longest)
    }

    /// The wall clock time, which may be one that comes twice.
    fn local(&self, time: DateTime<Utc>) -> NaiveDateTime {
        time.with_timezone(&self.zone).naive_local()
    }

    /// How far the wall clock has to be searched against the direction of a search: only near a change of the clock.
    /// `None` outside of the years that are searched, so that no arithmetic on times can overflow.
    fn overlap(&self, time: DateTime<Utc>) -> Option<TimeDelta> {
        if !YEARS.contains(&time.year()) {
            return None;
        }
        let offset = |time: DateTime<Utc>| self.zone.offset_from_utc_datetime(&time.naive_utc()).fix();
        let quiet = offset(time - LARGEST_REPEAT) == offset(time + LARGEST_REPEAT);
        Some(if quiet { TimeDelta::zero() } else { LARGEST_REPEAT })
    }

    /// The next wall clock time that matches, by a calendar without any change of the clock.
    fn wall_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        self.expression
            .cron
            .find_next_occurrence(&wall.and_utc(), false)
            .ok()
            .map(|time| time.naive_utc())
    }

    fn wall_before(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        self.expression
            .cron
            .find_previous_occurrence(&wall.and_utc(), false)
            .ok()
            .map(|time| time.naive_utc())
    }

    /// When a matching wall clock time takes place, by the rules of the module.
    fn instants(&self, wall: NaiveDateTime) -> Instants {
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Single(time) => Instants::one(time.to_utc()),
            LocalResult::Ambiguous(first, second) if self.expression.every_hour => {
                Instants([Some(first.to_utc()), Some(second.to_utc())])
            }
            LocalResult::Ambiguous(first, _) => Instants::one(first.to_utc()),
            LocalResult::None if self.expression.every_hour => Instants([None, None]),
            LocalResult::None => Instants([self.end_of_gap(wall), None]),
        }
    }

    /// The first instant after the gap that `wall` lies in. Changes of the clock are on full minutes in every zone since
    /// 1972 (Liberia was the last).
    fn end_of_gap(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let wall = wall.with_second(0)?.trunc_subsecs(0);
        (1..=LARGEST_GAP_MINUTES)
            .find_map(|minutes| {
                self.zone
                    .from_local_datetime(&(wall + TimeDelta::minutes(minutes)))
                    .earliest()
            })
            .map(|time| time.to_utc())
    }
}

/// The instants of one wall clock time, in order: none, one or two.
#[derive(Clone, Copy)]
struct Instants([Option<DateTime<Utc>>; 2]);

impl Instants {
    fn one(time: DateTime<Utc>) -> Self {
        Self([Some(time), None])
    }

    fn first(&self) -> Option<DateTime<Utc>> {
        self.0.iter().flatten().next().copied()
    }

    fn last(&self) -> Option<DateTime<Utc>> {
        self.0.iter().flatten().next_back().copied()
    }

    fn into_iter(self) -> std::array::IntoIter<Option<DateTime<Utc>>, 2> {
        self.0.into_iter()
    }
}

fn zone_named(name: Option<&str>) -> Result<Tz, ScheduleError> {
    let Some(name) = name else { return Ok(Tz::UTC) };
    name.parse()
        .map_err(|_| ScheduleError::UnknownTimeZone(name.chars().take(64).collect()))
}
