use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDateTime, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::LayoutError;

/// One attempt at one snapshot: when it began, to the second, and 40 random bits, so that no two attempts ever share a key.
///
/// Ordered by time, then by the random part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId {
    started: DateTime<Utc>,
    random: [u8; RANDOM_CHARS],
}

/// Characters of the random part: 40 bits in base 32.
const RANDOM_CHARS: usize = 8;
/// RFC 4648's base 32 in lower case: no 0, 1, 8 or 9 to be taken for a letter.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// ISO 8601's basic format in UTC: sorts by time and needs no escaping in a key.
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// Length of what [`TIME`] writes.
const TIME_CHARS: usize = 16;

impl RunId {
    /// A run that began at `started` (cut to the second), told apart from others of that second by `random`.
    pub fn new(started: DateTime<Utc>, random: [u8; 5]) -> Result<Self, LayoutError> {
        if !(1970..=9999).contains(&started.year()) {
            return Err(LayoutError::Time);
        }
        let bits = random
            .iter()
            .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let random = std::array::from_fn(|index| ALPHABET[(bits >> (35 - 5 * index) & 31) as usize]);
        Ok(Self {
            started: started.trunc_subsecs(0),
            random,
        })
    }

    /// A run that begins `now`, with randomness from the operating system.
    ///
    /// # Errors
    /// [`LayoutError::Time`] for a clock that is far off, [`LayoutError::Random`] when the operating system has no randomness to give.
    pub fn generate(now: DateTime<Utc>) -> Result<Self, LayoutError> {
        let mut random = [0; 5];
        getrandom::fill(&mut random).map_err(|_| LayoutError::Random)?;
        Self::new(now, random)
    }

    /// When the run began, to the second.
    pub fn started(&self) -> DateTime<Utc> {
        self.started
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.started.format(TIME))?;
        self.random
            .iter()
            .try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunId({self})")
    }
}

impl FromStr for RunId {
    type Err = LayoutError;

    fn from_str(text: &str) -> Result<Self, LayoutError> {
        let (time, rest) = text.split_at_checked(TIME_CHARS).ok_or(LayoutError::Run)?;
        let random = rest.strip_prefix('-').ok_or(LayoutError::Run)?;
        let random: [u8; RANDOM_CHARS] = random.as_bytes().try_into().map_err(|_| LayoutError::Run)?;
        let started = NaiveDateTime::parse_from_str(time, TIME)
            .map_err(|_| LayoutError::Run)?
            .and_utc();
        let run = Self { started, random };
        let ours =
            random.iter().all(|byte| ALPHABET.contains(byte)) && (1970..=9999).contains(&started.year());
        // chrono's parser takes signs and spaces, and a 60th second, which it keeps as nanoseconds: what it did not take
        // literally is not a run id.
        if ours && started.timestamp_subsec_nanos() == 0 && run.to_string() == text {
            Ok(run)
        } else {
            Err(LayoutError::Run)
        }
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
