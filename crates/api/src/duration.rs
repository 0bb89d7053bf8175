//! Lengths of time as people write them: `90s`, `6h`, `1d12h`, `400d`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

/// What a duration must look like: days, hours, minutes, seconds, each at most once and in this
/// order.
///
/// The digits are bounded so that no accepted text can overflow a clock: the longest is about six
/// hundred years.
pub const PATTERN: &str = "^([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$";

/// The longest text that can match [`PATTERN`].
const MAX_LENGTH: usize = 6 + 7 + 8 + 10;

/// Unit letters in the order in which they may appear, with their seconds and the digits that each
/// may have.
const UNITS: [(char, u64, usize); 4] = [('d', 86_400, 5), ('h', 3_600, 6), ('m', 60, 7), ('s', 1, 9)];

/// A length of time in whole seconds, written as in Kubernetes and Go (`90s`, `1h30m`) with days as
/// a further unit (`30d`).
///
/// A day is always 24 hours. Two durations are equal when they are equally long, however they were
/// written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

/// The text is not a duration of this API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: expected days, hours, minutes and seconds in this order, such as 90s, 1h30m or 30d")]
pub struct ParseDurationError;

impl Duration {
    /// A duration of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(std::time::Duration::from_secs(seconds))
    }

    /// A duration of whole minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Self::from_secs(minutes * 60)
    }

    /// A duration of whole hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_secs(hours * 3_600)
    }

    /// A duration of days of 24 hours.
    pub const fn from_days(days: u64) -> Self {
        Self::from_secs(days * 86_400)
    }

    /// The same length as the standard library's type.
    pub const fn as_std(self) -> std::time::Duration {
        self.0
    }

    /// Whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    /// Whether it has no length at all.
    pub const fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl From<Duration> for std::time::Duration {
    fn from(value: Duration) -> Self {
        value.0
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text;
        let mut seconds = 0_u64;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .ok_or(ParseDurationError)?;
            let (digits, tail) = rest.split_at(end);
            let letter = tail.chars().next().ok_or(ParseDurationError)?;
            let (_, scale, most) = units
                .find(|(unit, ..)| *unit == letter)
                .ok_or(ParseDurationError)?;
            if digits.is_empty() || digits.len() > *most {
                return Err(ParseDurationError);
            }
            // Cannot overflow: the digits of every unit are bounded.
            seconds += digits.parse::<u64>().map_err(|_| ParseDurationError)? * scale;
            rest = &tail[letter.len_utf8()..];
        }
        if text.is_empty() {
            Err(ParseDurationError)
        } else {
            Ok(Self::from_secs(seconds))
        }
    }
}

impl fmt::Display for Duration {
    /// The shortest text in the largest units: `36h` is written `1d12h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.as_secs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, scale, _) in UNITS {
            let count = rest / scale;
            rest %= scale;
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 2,
            "maxLength": MAX_LENGTH,
            "pattern": PATTERN,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_way_of_writing_has_its_length() {
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("1h30m", 5_400),
            ("6h", 21_600),
            ("30d", 2_592_000),
            ("1d12h", 129_600),
            ("1d1h1m1s", 90_061),
            (
                "99999d999999h9999999m999999999s",
                99_999 * 86_400 + 999_999 * 3_600 + 9_999_999 * 60 + 999_999_999,
            ),
        ] {
            assert_eq!(text.parse(), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "", "5", "h", "-1h", "1.5h", "1h 30m", "30m1h", "1h1h", "1w", "100ms", "9999999h", "1٣s", "1hh",
            " 1h", "1H",
        ] {
            assert_eq!(text.parse::<Duration>(), Err(ParseDurationError), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for seconds in [0, 1, 59, 60, 3_599, 3_600, 86_400, 90_061, 34_560_000] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(duration.to_string().parse(), Ok(duration));
        }
        assert_eq!(Duration::from_hours(36).to_string(), "1d12h");
        assert_eq!(Duration::default().to_string(), "0s");
    }
}
