//! How long the deletion of an object waits for the store, when its policy is to take what is stored along.

use chrono::{DateTime, TimeDelta, Utc};

/// How soon a store that refused is asked again.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// Until when not to ask, because the store refused at `answered`, after the deletion was `asked` for: at once it would
/// only refuse again. A listing is no refusal, and does not put off the next question either.
pub(crate) fn refused_until(
    answered: Option<DateTime<Utc>>,
    asked: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let until = answered.filter(|at| *at >= asked)? + ASK_AGAIN;
    (now < until).then_some(until)
}

/// How long a deletion waits, for people.
pub(crate) fn told(timeout: TimeDelta) -> etcd_backup_api::Duration {
    etcd_backup_api::Duration::from_secs(timeout.num_seconds().unsigned_abs())
}
