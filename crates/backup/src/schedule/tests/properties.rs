//! Against a slow model that looks at every minute.

use chrono::TimeZone;
use proptest::prelude::*;

use super::{
    super::model::{Field, Model, changes},
    *,
};

fn field(low: u32, high: u32) -> impl Strategy<Value = Field> {
    let every = Just(Field {
        text: "*".into(),
        values: (low..=high).collect(),
    });
    let step = (2..=high / 2).prop_map(move |step| Field {
        text: format!("*/{step}"),
        values: (low..=high).step_by(step as usize).collect(),
    });
    let range = (low..=high, low..=high).prop_map(|(a, b)| {
        let (a, b) = (a.min(b), a.max(b));
        Field {
            text: format!("{a}-{b}"),
            values: (a..=b).collect(),
        }
    });
    let list = prop::collection::vec(low..=high, 1..4).prop_map(|values| Field {
        text: values.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
        values,
    });
    prop_oneof![2 => every, 1 => step, 1 => range, 3 => list]
}

fn open(low: u32, high: u32) -> impl Strategy<Value = Field> {
    prop_oneof![3 => Just(Field { text: "*".into(), values: (low..=high).collect() }), 1 => field(low, high)]
}

prop_compose! {
    /// A schedule, and a moment within a day and a half of a change of the clock.
    fn near_a_change()(
        (zone, change) in prop::sample::select(changes()), minute in field(0, 59), hour in field(0, 23), day in open(1, 31),
        month in open(1, 12), weekday in open(0, 6), minutes in -2_000_i64..2_000, seconds in 0_i64..60,
    ) -> (Model, DateTime<Utc>) {
        let time = change + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds);
        (Model { minute, hour, day, month, weekday, zone }, time)
    }
}

/// The start of the minute.
fn floor(time: DateTime<Utc>) -> DateTime<Utc> {
    Utc.timestamp_opt(time.timestamp().div_euclid(60) * 60, 0)
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_next_slot_is_the_one_that_the_slow_model_finds((model, time) in near_a_change()) {
        let Ok(schedule) = Schedule::parse(&model.text(), Some(model.zone.name())) else { return Ok(()) };
        let from = floor(time) + TimeDelta::minutes(1);
        let horizon = from + TimeDelta::days(2);
        let expected = model.slots(from, horizon).first().copied();
        let found = schedule.next_after(time).filter(|slot| *slot < horizon);
        prop_assert_eq!(found, expected, "{} in {} after {}", model.text(), model.zone, time);
    }

    #[test]
    fn the_previous_slot_is_the_one_that_the_slow_model_finds((model, time) in near_a_change()) {
        let Ok(schedule) = Schedule::parse(&model.text(), Some(model.zone.name())) else { return Ok(()) };
        let to = floor(time) + TimeDelta::minutes(1);
        let horizon = to - TimeDelta::days(2);
        let expected = model.slots(horizon, to).last().copied();
        let found = schedule.previous_or_at(time).filter(|slot| *slot >= horizon);
        prop_assert_eq!(found, expected, "{} in {} at {}", model.text(), model.zone, time);
    }

    #[test]
    fn at_most_one_slot_runs_and_every_other_counts_as_missed((model, time) in near_a_change(), ago in 0_i64..2_880, deadline in 0_i64..600) {
        let Ok(schedule) = Schedule::parse(&model.text(), Some(model.zone.name())) else { return Ok(()) };
        let last = floor(time) - TimeDelta::minutes(ago);
        let deadline = TimeDelta::minutes(deadline);
        let found = due(&schedule, last, time, deadline);
        let passed = model.slots(last + TimeDelta::minutes(1), floor(time) + TimeDelta::minutes(1));
        let expected = passed.last().copied().filter(|slot| time - *slot <= deadline);
        prop_assert_eq!(found.slot, expected);
        let missed = passed.len() - usize::from(expected.is_some());
        prop_assert_eq!(found.missed.count as usize, missed.min(MISSED_CAP as usize));
        prop_assert_eq!(found.missed.more, missed > MISSED_CAP as usize);
        prop_assert_eq!(found.handled, Some(passed.last().copied().unwrap_or(last)));
        // Asking again at the same moment asks for nothing.
        prop_assert_eq!(due(&schedule, found.handled.unwrap(), time, deadline).slot, None);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "[0-9*/,@a-zA-Z#L?+ -]{0,40}", zone in "[A-Za-z/_]{0,20}") {
        let _ = Schedule::parse(&text, None);
        let _ = Schedule::parse("@daily", Some(&zone));
    }
}
