//! JSON in which a field cannot appear twice.
//!
//! serde_json's `Value` keeps the last of two equal fields; another reader keeps the first. Whoever can make two readers
//! disagree on a hash can make one of them restore something else.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// What the error of a duplicate field says, so that it can be told from the JSON reader's own errors.
pub(super) const DUPLICATE: &str = "duplicate field";

/// A JSON value without duplicate fields, `null` and fractions: a manifest has none of them.
pub(super) struct Strict(pub(super) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a whole number, true or false, a list or an object")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(Value::Number(Number::from(value))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(Value::Number(Number::from(value))))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Strict(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Strict(value))) = access.next_entry::<String, Strict>()? {
            if fields.insert(name, value).is_some() {
                return Err(de::Error::custom(DUPLICATE));
            }
        }
        Ok(Strict(Value::Object(fields)))
    }
}

/// Does every field of `given` also appear in `known`, at every depth?
pub(super) fn has_only_fields_of(given: &Value, known: &Value) -> bool {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => given.iter().all(|(name, value)| {
            known
                .get(name)
                .is_some_and(|known| has_only_fields_of(value, known))
        }),
        (Value::Array(given), Value::Array(known)) => {
            given.len() == known.len()
                && given
                    .iter()
                    .zip(known)
                    .all(|(given, known)| has_only_fields_of(given, known))
        }
        _ => true,
    }
}
