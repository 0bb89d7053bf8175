//! How instants are written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serializer;

/// What an instant that a person writes must look like: RFC 3339 in capital letters.
///
/// The format `date-time` of the API server takes small ones too, which its own rules (CEL) cannot read afterwards: every write to
/// the object, our status included, would be refused.
pub(crate) const PATTERN: &str =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$";

/// Writes an optional instant in whole seconds, as every Kubernetes timestamp: the same moment
/// never looks different twice.
#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
pub(crate) fn whole_seconds<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// As [`whole_seconds`], for an instant that is always there.
pub(crate) fn seconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// In milliseconds, where the same thing can happen twice in a second and each time counts.
pub(crate) fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
