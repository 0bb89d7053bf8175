//! The conditions of one status while they are being decided.

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::find;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{shortened, time};

/// Longest message of a condition that the API server takes (apimachinery `meta/v1.Condition`: 32768); far
/// shorter, because people read it in a table.
const MAX_MESSAGE: usize = 1024;

/// What a condition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be said.
    Unknown,
}

impl Truth {
    /// What can be said.
    pub const fn of(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// The word of the Kubernetes API conventions.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The conditions of one status while they are being decided.
///
/// Keeps the rules of the Kubernetes API conventions: `lastTransitionTime` moves only when the truth does, and
/// every condition names the generation that it speaks of.
#[derive(Debug)]
pub struct Conditions<'a> {
    before: &'a [Condition],
    generation: Option<i64>,
    now: DateTime<Utc>,
    decided: Vec<Condition>,
}

impl<'a> Conditions<'a> {
    /// Starts from what the status says so far.
    pub const fn new(before: &'a [Condition], generation: Option<i64>, now: DateTime<Utc>) -> Self {
        Self {
            before,
            generation,
            now,
            decided: Vec::new(),
        }
    }

    /// Says `kind` is `truth`.
    pub fn set(&mut self, kind: &str, truth: Truth, reason: &str, message: impl Into<String>) {
        let since = self
            .before(kind)
            .filter(|before| before.status == truth.as_str())
            .map_or_else(|| time(self.now), |before| before.last_transition_time.clone());
        self.decided.retain(|condition| condition.type_ != kind);
        self.decided.push(Condition {
            type_: kind.to_owned(),
            status: truth.as_str().to_owned(),
            reason: reason.to_owned(),
            message: shortened(message.into(), MAX_MESSAGE),
            observed_generation: self.generation,
            last_transition_time: since,
        });
    }

    /// Leaves `kind` as it was: nothing new is known about it.
    pub fn keep(&mut self, kind: &str) {
        if let Some(before) = self.before(kind) {
            self.decided.push(before.clone());
        }
    }

    /// Says `kind` cannot be said yet, unless it was said before, of this very generation.
    pub fn await_answer(&mut self, kind: &str, reason: &str, message: &str) {
        let before = self.before(kind);
        match before.filter(|before| before.observed_generation == self.generation) {
            Some(_) => self.keep(kind),
            None => self.set(kind, Truth::Unknown, reason, message),
        }
    }

    /// What the status said about `kind` before.
    pub fn before(&self, kind: &str) -> Option<&'a Condition> {
        find(self.before, kind)
    }

    /// What has been decided about `kind`.
    pub fn decided(&self, kind: &str) -> Option<&Condition> {
        find(&self.decided, kind)
    }

    /// Whether `kind` was decided to be `truth`.
    pub fn is(&self, kind: &str, truth: Truth) -> bool {
        self.decided(kind)
            .is_some_and(|decided| decided.status == truth.as_str())
    }

    /// All that was decided, by type, so that the order never changes by itself.
    pub fn finish(mut self) -> Vec<Condition> {
        self.decided.sort_by(|left, right| left.type_.cmp(&right.type_));
        self.decided
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::instant;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_with_the_truth() {
        let mut first = Conditions::new(&[], Some(1), at(0));
        first.set("Ready", Truth::True, "Fine", "all well");
        first.set("Fresh", Truth::True, "Young", "an hour old");
        let first = first.finish();

        let mut second = Conditions::new(&first, Some(2), at(60));
        second.set("Ready", Truth::True, "Fine", "still well");
        second.set("Fresh", Truth::False, "Overdue", "a day old");
        let second = second.finish();

        let since = |kind: &str| {
            let found = find(&second, kind).unwrap();
            instant(&found.last_transition_time)
        };
        assert_eq!(since("Ready"), at(0));
        assert_eq!(since("Fresh"), at(60));
        assert!(
            second
                .iter()
                .all(|condition| condition.observed_generation == Some(2))
        );
    }

    #[test]
    fn the_order_of_conditions_does_not_depend_on_who_spoke_first() {
        let mut one = Conditions::new(&[], None, at(0));
        one.set("B", Truth::True, "R", "");
        one.set("A", Truth::True, "R", "");
        let mut other = Conditions::new(&[], None, at(0));
        other.set("A", Truth::True, "R", "");
        other.set("B", Truth::True, "R", "");
        assert_eq!(one.finish(), other.finish());
    }
}
