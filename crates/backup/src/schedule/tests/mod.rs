//! When backups are due, as sentences.

mod due;
mod expression;
mod properties;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, Some(zone)).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
