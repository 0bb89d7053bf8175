//! What was seen of the Lease, and since when: the only basis on which a holder is judged dead.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::record::Record;

/// What to do about the Lease as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// There is none and nobody can still rely on one: create it.
    Create,
    /// We hold it: renew.
    Renew,
    /// It was released, or its holder was silent for too long: take it over.
    Take,
    /// Somebody else may still hold it.
    Wait,
}

/// The last change that was observed, timed by our own monotonic clock. The peer's `renewTime` is never read:
/// clocks of two machines differ, and a garbage time must mean nothing.
#[derive(Debug)]
pub(super) struct Observation {
    ours: Duration,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    spec: Value,
    foreign: bool,
    since: Instant,
    patience: Duration,
}

impl Observation {
    /// Nothing seen yet. `ours` is our own lease duration.
    pub(super) const fn new(ours: Duration) -> Self {
        Self { ours, seen: None }
    }

    /// Takes note of the Lease as read at `now` (`None`: there is none) and says what to do.
    pub(super) fn judge(&mut self, record: Option<&Record>, identity: &str, now: Instant) -> Step {
        let Some(record) = record else {
            // Deleted under a holder that may not have noticed: it gets the time it was promised. A process
            // that never saw a Lease has nothing to wait for.
            return if self.foreign_claim_lives(now) {
                Step::Wait
            } else {
                Step::Create
            };
        };
        let holder = record.holder();
        if self.seen.as_ref().is_none_or(|seen| seen.spec != *record.spec()) {
            self.seen = Some(Seen {
                spec: record.spec().clone(),
                foreign: holder.is_some_and(|holder| holder != identity),
                since: now,
                patience: record.patience(self.ours),
            });
        }
        match holder {
            Some(holder) if holder == identity => Step::Renew,
            Some(_) if self.foreign_claim_lives(now) => Step::Wait,
            Some(_) | None => Step::Take,
        }
    }

    /// Assumes a holder that was never seen, from `now` on.
    pub(super) fn distrust(&mut self, now: Instant) {
        self.seen = Some(Seen {
            spec: Value::Null,
            foreign: true,
            since: now,
            patience: self.ours,
        });
    }

    fn foreign_claim_lives(&self, now: Instant) -> bool {
        self.seen
            .as_ref()
            .is_some_and(|seen| seen.foreign && now.saturating_duration_since(seen.since) < seen.patience)
    }
}
