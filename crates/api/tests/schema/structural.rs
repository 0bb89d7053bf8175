//! The part of the API server's validation that is not CEL: types, bounds, patterns, enumerations,
//! required and unknown fields.
//!
//! The words are those of Kubernetes (k8s.io/kube-openapi validation and apiextensions-apiserver),
//! so that one table of expected messages serves here and there.

use std::fmt::Display;

use regex::Regex;
use serde_json::Value;

/// Every complaint about `value`. `path` is where it lies, empty for the whole object.
pub(crate) fn complaints(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, path, &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let kind = schema["type"].as_str().unwrap_or_default();
    match (kind, value) {
        ("object", Value::Object(_)) => object(schema, value, path, found),
        ("array", Value::Array(items)) => array(schema, items, path, found),
        ("string", Value::String(text)) => string(schema, text, path, found),
        ("integer", Value::Number(number)) if number.is_i64() || number.is_u64() => {
            integer(schema, value, path, found);
        }
        ("boolean", Value::Bool(_)) => {}
        _ => found.push(format!("{path} in body must be of type {kind}: {value}")),
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: Unsupported value: {value}"));
    }
}

fn object(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(most) = schema["maxProperties"]
        .as_u64()
        .filter(|most| value.as_object().map_or(0, |fields| fields.len() as u64) > *most)
    {
        found.push(format!("{path}: Too many: must have at most {most} items"));
    }
    for required in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if value.get(required).is_none() {
            found.push(format!("{}: Required value", below(path, required)));
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let inside = below(path, name);
        match schema["properties"].get(name) {
            Some(schema) => check(schema, field, &inside, found),
            None if schema["additionalProperties"].is_object() => {
                check(&schema["additionalProperties"], field, &inside, found);
            }
            // The API server knows these three without being told.
            None if path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) => {}
            None => found.push(format!("unknown field \"{inside}\"")),
        }
    }
}

fn array(schema: &Value, items: &[Value], path: &str, found: &mut Vec<String>) {
    if let Some(least) = schema["minItems"]
        .as_u64()
        .filter(|least| (items.len() as u64) < *least)
    {
        found.push(format!("{path} in body should have at least {least} items"));
    }
    if let Some(most) = schema["maxItems"]
        .as_u64()
        .filter(|most| items.len() as u64 > *most)
    {
        found.push(format!(
            "{path}: Too many: {}: must have at most {most} items",
            items.len()
        ));
    }
    for (index, item) in items.iter().enumerate() {
        let inside = format!("{path}[{index}]");
        check(&schema["items"], item, &inside, found);
        let same = |other: &Value| match text(&schema["x-kubernetes-list-type"]) {
            "set" => other == item,
            "map" => keys(schema).all(|key| other[key] == item[key]),
            _ => false,
        };
        if items[..index].iter().any(same) {
            found.push(format!("{inside}: Duplicate value: {item}"));
        }
    }
}

/// The fields that tell the items of a list of type map apart.
fn keys(schema: &Value) -> impl Iterator<Item = &str> {
    let keys = schema["x-kubernetes-list-map-keys"].as_array();
    keys.into_iter().flatten().map(text)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn string(schema: &Value, text: &str, path: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        found.push(format!("{path} in body should be at least {least} chars long"));
    }
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        found.push(format!("{path}: Too long: may not be more than {most} bytes"));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && !Regex::new(pattern)
            .expect("a pattern that compiles")
            .is_match(text)
    {
        found.push(format!("{path} in body should match '{pattern}'"));
    }
}

fn integer(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    let mut refuse = |bound: &str, limit: &dyn Display| {
        found.push(format!(
            "{path} in body should be {bound} than or equal to {limit}"
        ));
    };
    if let Some(least) = schema["minimum"].as_f64().filter(|least| number < *least) {
        refuse("greater", &least);
    }
    if let Some(most) = schema["maximum"].as_f64().filter(|most| number > *most) {
        refuse("less", &most);
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
