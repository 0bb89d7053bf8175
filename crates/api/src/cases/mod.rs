//! What the API server must take and what it must refuse: one table, read by the unit tests
//! (without a server) and by the integration tests (with a real one).

use serde::Deserialize;
use serde_json::{Map, Value};

const FILES: [(&str, &str); 3] = [
    ("EtcdBackup", include_str!("etcdbackup.yaml")),
    ("EtcdSnapshot", include_str!("etcdsnapshot.yaml")),
    ("EtcdRestore", include_str!("etcdrestore.yaml")),
];

/// One object and what must become of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The kind of the object.
    pub kind: &'static str,
    /// What the case shows, as a sentence.
    pub that: String,
    /// The object that is there already, when the case is an update.
    pub before: Option<Value>,
    /// The object that is created or written.
    pub object: Value,
    /// What must come of it.
    pub outcome: Outcome,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The object is taken, and holds at least this.
    Taken(Value),
    /// The object is refused with a message that contains this.
    Refused(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    base: Value,
    cases: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    that: String,
    #[serde(default)]
    before: Option<Value>,
    #[serde(default, rename = "with")]
    change: Value,
    #[serde(default)]
    refused: Option<String>,
    #[serde(default)]
    becomes: Value,
}

/// Every case of every kind.
///
/// # Errors
/// A message, when one of the tables is malformed.
pub fn all() -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (kind, text) in FILES {
        let table: Table = serde_saphyr::from_str(text).map_err(|error| format!("{kind}: {error}"))?;
        cases.extend(table.cases.into_iter().map(|row| case(kind, &table.base, row)));
    }
    Ok(cases)
}

fn case(kind: &'static str, base: &Value, row: Row) -> Case {
    let patched = |patch: &Value| {
        let mut object = base.clone();
        if !patch.is_null() {
            merge(&mut object, patch);
        }
        object
    };
    Case {
        kind,
        that: row.that,
        before: row.before.as_ref().map(patched),
        object: patched(&row.change),
        outcome: row.refused.map_or(Outcome::Taken(row.becomes), Outcome::Refused),
    }
}

/// JSON merge patch, RFC 7386 section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { return };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Whether `whole` holds everything that `part` says: objects by their fields, everything else by
/// equality. Null says nothing.
pub fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (_, Value::Null) => true,
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(name, part)| whole.get(name).is_some_and(|whole| holds(whole, part))),
        (whole, part) => whole == part,
    }
}
