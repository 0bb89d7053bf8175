//! Writing a status: conditions, "equal ignoring times", and the one patch that changes it.
//!
//! A status is written as a merge patch of what differs, under the resource version that it was decided from.
//! So nothing is written when nothing changed, a field that somebody added by hand goes away, and a decision
//! made from an outdated cache is refused by the API server instead of undoing a newer one.

use std::fmt::Debug;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use etcd_backup_api::conditions::find;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Who we are in `managedFields`.
pub const FIELD_MANAGER: &str = "etcd-backup-operator";

/// Longest message of a condition that the API server takes (apimachinery `meta/v1.Condition`: 32768); far
/// shorter, because people read it in a table.
const MAX_MESSAGE: usize = 1024;

/// Why a status was not written.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The status cannot be expressed as JSON. A mistake of ours.
    #[error("cannot express the status as JSON")]
    Encode(#[source] serde_json::Error),
    /// The API server did not take it.
    #[error("cannot write the status of {kind} {name}")]
    Write {
        /// The kind, as users write it.
        kind: String,
        /// The name of the object.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
}

/// Whether there was anything to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The status said so already.
    Unchanged,
    /// The API server has the new status.
    Changed {
        /// The resource version that it has now.
        version: Option<String>,
    },
}

/// Makes the status of `object` read `wanted`. `current` is what it reads now.
///
/// Group, version and kind come from the type. Fails with a conflict when the object changed since it was read.
pub async fn write<K, S>(
    client: &Client,
    object: &K,
    current: Option<&S>,
    wanted: &S,
) -> Result<Written, StatusError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    S: Serialize,
{
    let current = current
        .map_or(Ok(json!({})), serde_json::to_value)
        .map_err(StatusError::Encode)?;
    let wanted = serde_json::to_value(wanted).map_err(StatusError::Encode)?;
    let Some(difference) = merge_patch(&current, &wanted) else {
        return Ok(Written::Unchanged);
    };
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "resourceVersion": object.resource_version() },
        "status": difference,
    });
    let name = object.name_any();
    // Of what comes back only the version is looked at, so it need not be understood: the write has happened either way.
    let api: Api<DeserializeGuard<K>> =
        Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let written = api
        .patch_status(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&patch))
        .await
        .map_err(|source| StatusError::Write {
            kind: K::kind(&()).into_owned(),
            name,
            source,
        })?;
    Ok(Written::Changed {
        version: written.resource_version(),
    })
}

/// The JSON merge patch (RFC 7386) that turns `from` into `to`, `None` when they are equal.
fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in to {
        let difference = match from.get(key) {
            Some(current) => merge_patch(current, wanted),
            None => Some(wanted.clone()),
        };
        if let Some(difference) = difference {
            patch.insert(key.clone(), difference);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

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

    /// What the status said about `kind` before.
    pub fn before(&self, kind: &str) -> Option<&'a Condition> {
        find(self.before, kind)
    }

    /// What has been decided about `kind`.
    pub fn decided(&self, kind: &str) -> Option<&Condition> {
        find(&self.decided, kind)
    }

    /// All that was decided, by type, so that the order never changes by itself.
    pub fn finish(mut self) -> Vec<Condition> {
        self.decided.sort_by(|left, right| left.type_.cmp(&right.type_));
        self.decided
    }
}

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
    fn equal_statuses_need_no_patch() {
        let status = json!({"phase": "Running", "etcd": {"revision": 4}, "conditions": [{"type": "Ready"}]});
        assert_eq!(merge_patch(&status, &status.clone()), None);
    }

    #[test]
    fn a_patch_names_only_what_differs_and_removes_what_is_gone() {
        let from = json!({"phase": "Running", "owner": "a", "etcd": {"revision": 4, "member": "m0"}});
        let to = json!({"phase": "Succeeded", "etcd": {"revision": 5, "member": "m0"}, "attempts": 1});
        let patch = merge_patch(&from, &to).unwrap();
        assert_eq!(
            patch,
            json!({"phase": "Succeeded", "owner": null, "etcd": {"revision": 5}, "attempts": 1})
        );
    }

    #[test]
    fn a_list_is_replaced_as_a_whole() {
        let patch = merge_patch(&json!({"conditions": [1, 2]}), &json!({"conditions": [1, 3]}));
        assert_eq!(patch, Some(json!({"conditions": [1, 3]})));
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
