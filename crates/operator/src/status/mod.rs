//! Writing a status: conditions, "equal ignoring times", and the one patch that changes it.
//!
//! A status is written as a merge patch of what differs, under the resource version that it was decided from.
//! So nothing is written when nothing changed, a field that somebody added by hand goes away, and a decision
//! made from an outdated cache is refused by the API server instead of undoing a newer one.

mod conditions;
mod write;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

pub use self::conditions::{Conditions, Truth};
pub use self::write::{FIELD_MANAGER, StatusError, Written, write};

/// Cuts `text` to `most` bytes, at a character and visibly.
pub fn shortened(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The Kubernetes form of an instant, in whole seconds as Kubernetes writes it.
pub fn time(at: DateTime<Utc>) -> Time {
    Time(Timestamp::from_second(at.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A status has whole seconds: what it calls 06:00:09 may have been almost 06:00:10.
pub(crate) const PRECISION: TimeDelta = TimeDelta::seconds(1);

/// An instant in the words of statuses, annotations and events: whole seconds, UTC.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The instant that a Kubernetes time names.
pub fn instant(time: &Time) -> DateTime<Utc> {
    DateTime::from_timestamp(time.0.as_second(), 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let cut = shortened("ü".repeat(600), 1001);
        assert!(cut.len() <= 1001 && cut.ends_with("ü…"));
        assert_eq!(shortened("short".to_owned(), 10), "short");
    }

    #[test]
    fn a_time_survives_both_conversions() {
        assert_eq!(instant(&time(at(7))), at(7));
    }
}
