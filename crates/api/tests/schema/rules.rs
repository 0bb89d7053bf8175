//! The table of cases, against the schema and its CEL rules as kube evaluates them.

use std::collections::BTreeSet;

use etcd_backup_api::cases::{self, Case, Outcome};
use kube::core::cel::{Validator, apply_defaults};
use serde_json::Value;

use super::{schema, structural};

/// What the API server would do: unknown fields, types and bounds first, then the rules.
fn verdict(case: &Case) -> Result<Value, Vec<String>> {
    let schema = schema(case.kind);
    let complaints = structural::complaints(&schema, &case.object, "");
    if !complaints.is_empty() {
        return Err(complaints);
    }
    Validator::new()
        .validate(&schema, &case.object, case.before.as_ref())
        .map(|()| apply_defaults(&schema, &case.object))
        .map_err(|errors| {
            errors
                .iter()
                .map(|error| format!("rule: {}: {}", error.field_path, error.message))
                .collect()
        })
}

/// Whether the complaints are the expected one: a rule must be alone, for a second one would hide
/// that it never fires.
fn as_expected(complaints: &[String], message: &str) -> bool {
    let by_rule = complaints.iter().any(|complaint| complaint.starts_with("rule: "));
    complaints.iter().any(|complaint| complaint.contains(message)) && (!by_rule || complaints.len() == 1)
}

#[test]
fn every_case_of_the_table_holds() {
    let mut wrong = Vec::new();
    for case in cases::all().expect("well-formed tables") {
        let fine = match (verdict(&case), &case.outcome) {
            (Ok(object), Outcome::Taken(part)) => cases::holds(&object, part)
                .then_some(())
                .ok_or(format!("became {object}")),
            (Err(complaints), Outcome::Taken(_)) => Err(format!("was refused: {complaints:?}")),
            (Ok(_), Outcome::Refused(message)) => Err(format!("was taken, not refused with {message:?}")),
            (Err(complaints), Outcome::Refused(message)) if as_expected(&complaints, message) => Ok(()),
            (Err(complaints), Outcome::Refused(message)) => {
                Err(format!("expected {message:?}, was refused with {complaints:?}"))
            }
        };
        if let Err(problem) = fine {
            wrong.push(format!("{}: {}: {problem}", case.kind, case.that));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_that_it_refuses() {
    let refused: BTreeSet<String> = cases::all()
        .unwrap()
        .into_iter()
        .filter_map(|case| match case.outcome {
            Outcome::Refused(message) => Some(message),
            Outcome::Taken(_) => None,
        })
        .collect();
    for kind in ["EtcdBackup", "EtcdSnapshot", "EtcdRestore"] {
        let mut messages = Vec::new();
        rule_messages(&schema(kind), &mut messages);
        assert!(!messages.is_empty());
        for message in messages {
            assert!(
                refused.iter().any(|part| message.contains(part.as_str())),
                "{kind}: no case is refused with {message:?}"
            );
        }
    }
}

fn rule_messages(schema: &Value, messages: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                messages.push(
                    rule["message"]
                        .as_str()
                        .expect("every rule says what is wrong")
                        .to_owned(),
                );
            }
            fields.values().for_each(|value| rule_messages(value, messages));
        }
        Value::Array(items) => items.iter().for_each(|value| rule_messages(value, messages)),
        _ => {}
    }
}
