//! A Lease object as somebody left it: read leniently, written strictly.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use kube::api::DynamicObject;
use kube::core::ApiResource;
use serde_json::{Value, json};

/// The longest lease duration of another holder that is waited for. A Lease that claims more (by mistake or by
/// malice) must not stop backups for good.
const LONGEST_HONOURED: Duration = Duration::from_mins(5);

/// A Lease read from the API server. Its spec is kept as plain JSON: a field of the wrong type or an impossible
/// time must not keep us from reading who holds it, nor from taking it over.
#[derive(Debug, Clone)]
pub(super) struct Record(pub(super) DynamicObject);

impl Record {
    /// A Lease that does not exist yet.
    pub(super) fn absent(name: &str, resource: &ApiResource) -> Self {
        Self(DynamicObject::new(name, resource))
    }

    /// The spec exactly as read. Two equal specs mean that nobody renewed in between.
    pub(super) fn spec(&self) -> &Value {
        self.0.data.get("spec").unwrap_or(&Value::Null)
    }

    /// Who holds it; `None` when it was released.
    pub(super) fn holder(&self) -> Option<&str> {
        self.spec()
            .get("holderIdentity")
            .and_then(Value::as_str)
            .filter(|holder| !holder.is_empty())
    }

    /// How long the holder may go without renewing. At least `ours`: a peer with a shorter setting may be wrong
    /// about it, a longer wait is only slower.
    pub(super) fn patience(&self, ours: Duration) -> Duration {
        let theirs = self
            .spec()
            .get("leaseDurationSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        ours.max(Duration::from_secs(theirs).min(LONGEST_HONOURED))
    }

    fn transitions(&self) -> i32 {
        let recorded = self
            .spec()
            .get("leaseTransitions")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        i32::try_from(recorded).unwrap_or(0).max(0)
    }

    /// The same object, held by `identity`. The resourceVersion stays, so the API server refuses the write when
    /// anybody was faster.
    pub(super) fn held_by(&self, identity: &str, duration: Duration, now: DateTime<Utc>) -> Self {
        let now = micro_time(now);
        let renewed = self.holder() == Some(identity);
        let acquired = match self.spec().get("acquireTime") {
            Some(Value::String(time)) if renewed => time.clone(),
            _ => now.clone(),
        };
        // Counts changes of hands, as the Lease API says; the first holder is none.
        let changed_hands = !renewed && *self.spec() != Value::Null;
        self.with_spec(&json!({
            "holderIdentity": identity,
            "leaseDurationSeconds": duration.as_secs().max(1),
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": self.transitions().saturating_add(i32::from(changed_hands)),
        }))
    }

    /// The same object without a holder, so that the next one need not wait.
    pub(super) fn released(&self, now: DateTime<Utc>) -> Self {
        self.with_spec(&json!({
            "holderIdentity": "",
            "leaseDurationSeconds": 1,
            "renewTime": micro_time(now),
            "leaseTransitions": self.transitions(),
        }))
    }

    /// The same spec as a new object, for a Lease that somebody deleted.
    pub(super) fn recreated(&self) -> Self {
        let mut object = self.0.clone();
        object.metadata.uid = None;
        object.metadata.resource_version = None;
        object.metadata.creation_timestamp = None;
        object.metadata.managed_fields = None;
        Self(object)
    }

    fn with_spec(&self, spec: &Value) -> Self {
        let mut object = self.0.clone();
        object.data = json!({ "spec": spec });
        Self(object)
    }
}

/// MicroTime as the API server writes it (apimachinery meta/v1/micro_time.go, RFC3339Micro).
fn micro_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
