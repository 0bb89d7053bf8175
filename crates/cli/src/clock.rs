//! The only place of the command line that reads the clock.

use chrono::{DateTime, SecondsFormat, Utc};

/// What time it is.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the command line reads the clock"
)]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A time as people type it: RFC 3339.
pub(crate) fn parse(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| format!("{text:?} is no time: write 2026-11-23T06:00:00Z or 2026-11-23T07:00:00+01:00"))
}

/// The form in which times are shown: RFC 3339, whole seconds, UTC.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How long ago, in the two largest units that `kubectl get` would show.
pub(crate) fn ago(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds().max(0);
    match (
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ) {
        (0, 0, 0..=1, _) => format!("{seconds}s"),
        (0, 0, minutes, seconds) if minutes < 10 && seconds > 0 => format!("{minutes}m{seconds}s"),
        (0, 0, minutes, _) => format!("{minutes}m"),
        (0, hours, minutes, _) if hours < 8 && minutes > 0 => format!("{hours}h{minutes}m"),
        (0, hours, ..) => format!("{hours}h"),
        (days, hours, ..) if days < 8 && hours > 0 => format!("{days}d{hours}h"),
        (days, ..) => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn an_age_is_short_and_has_the_units_of_kubectl() {
        let now = parse("2026-11-23T06:00:00Z").unwrap();
        for (seconds, text) in [
            (-5, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (3_599, "59m"),
            (3_600, "1h"),
            (3_660, "1h1m"),
            (30_000, "8h"),
            (90_000, "1d1h"),
            (864_000, "10d"),
        ] {
            assert_eq!(ago(now - TimeDelta::seconds(seconds), now), text, "{seconds}");
        }
    }

    #[test]
    fn a_time_needs_its_zone() {
        assert_eq!(parse("2026-11-23T07:00:00+01:00"), parse("2026-11-23T06:00:00Z"));
        for wrong in ["", "yesterday", "2026-11-23", "2026-11-23T06:00:00"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
