//! A slow model of schedules that shares nothing with the real one: it walks real time minute by minute and asks of each
//! whether it is a slot.

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// One field: the numbers it matches, and how it is written.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) values: Vec<u32>,
}

/// A schedule as five sets.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) minute: Field,
    pub(super) hour: Field,
    pub(super) day: Field,
    pub(super) month: Field,
    pub(super) weekday: Field,
    pub(super) zone: Tz,
}

impl Model {
    pub(super) fn text(&self) -> String {
        [&self.minute, &self.hour, &self.day, &self.month, &self.weekday]
            .map(|field| field.text.clone())
            .join(" ")
    }

    fn date_matches(&self, wall: NaiveDateTime) -> bool {
        let day = self.day.values.contains(&wall.day());
        let weekday = self
            .weekday
            .values
            .contains(&wall.weekday().num_days_from_sunday());
        // crontab(5): when both are restricted, either will do.
        let days = match (self.day.text == "*", self.weekday.text == "*") {
            (false, false) => day || weekday,
            _ => day && weekday,
        };
        days && self.month.values.contains(&wall.month())
    }

    fn matches(&self, wall: NaiveDateTime) -> bool {
        self.date_matches(wall)
            && self.hour.values.contains(&wall.hour())
            && self.minute.values.contains(&wall.minute())
    }

    fn wall(&self, time: DateTime<Utc>) -> NaiveDateTime {
        time.with_timezone(&self.zone).naive_local()
    }

    /// Every slot in `from..to`, both on full minutes.
    pub(super) fn slots(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let minutes = |minutes: usize| TimeDelta::minutes(i64::try_from(minutes).unwrap());
        let begin = from - minutes(EARLIER);
        let count = usize::try_from((to - begin).num_minutes()).unwrap();
        let walls: Vec<_> = (0..count)
            .map(|minute| self.wall(begin + minutes(minute)))
            .collect();
        (EARLIER..count)
            .filter(|minute| self.is_slot(&walls, *minute))
            .map(|minute| begin + minutes(minute))
            .collect()
    }

    /// Is the minute at `index` of these wall clock times a slot?
    fn is_slot(&self, walls: &[NaiveDateTime], index: usize) -> bool {
        let wall = walls[index];
        if self.hour.text == "*" {
            return self.matches(wall);
        }
        // Every wall clock minute that was skipped just before this one counts as this one.
        let mut skipped = walls[index - 1] + TimeDelta::minutes(1);
        let mut after_gap = false;
        while skipped < wall {
            after_gap |= self.matches(skipped);
            skipped += TimeDelta::minutes(1);
        }
        // Did the clock show this before? Then it ran before.
        after_gap || (self.matches(wall) && !walls[index - EARLIER..index].contains(&wall))
    }
}

/// So many minutes back the clock may have shown the same time.
const EARLIER: usize = 180;

/// Moments around which clocks change, in zones that change them in unlike ways: an hour in spring and autumn, at
/// midnight, by half an hour, by two hours, on the southern half, never, and by skipping a whole day.
pub(super) fn changes() -> Vec<(Tz, DateTime<Utc>)> {
    let at = |zone: Tz, year, month, day, hour| {
        (zone, Utc.with_ymd_and_hms(year, month, day, hour, 0, 0).unwrap())
    };
    vec![
        at(Tz::Europe__Berlin, 2026, 3, 29, 1),
        at(Tz::Europe__Berlin, 2026, 10, 25, 1),
        at(Tz::America__New_York, 2026, 3, 8, 7),
        at(Tz::America__New_York, 2026, 11, 1, 6),
        at(Tz::America__Havana, 2026, 3, 8, 5),
        at(Tz::America__Havana, 2026, 11, 1, 5),
        at(Tz::Atlantic__Azores, 2026, 10, 25, 1),
        at(Tz::Australia__Lord_Howe, 2026, 4, 4, 15),
        at(Tz::Australia__Lord_Howe, 2026, 10, 3, 15),
        at(Tz::Antarctica__Troll, 2026, 3, 29, 1),
        at(Tz::Antarctica__Troll, 2026, 10, 25, 1),
        at(Tz::Asia__Kolkata, 2026, 6, 1, 0),
        at(Tz::UTC, 2026, 2, 28, 12),
        at(Tz::Pacific__Apia, 2011, 12, 30, 10),
        at(Tz::America__Santiago, 2026, 9, 6, 4),
    ]
}
