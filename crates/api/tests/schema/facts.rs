//! What the definitions promise to kubectl.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{definition, schema};

const KINDS: [&str; 3] = ["EtcdBackup", "EtcdSnapshot", "EtcdRestore"];

#[test]
fn the_folder_crds_is_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    let expected: BTreeMap<String, String> =
        etcd_backup_api::manifests::files().unwrap().into_iter().collect();
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        found.insert(
            path.file_name().unwrap().to_string_lossy().into_owned(),
            fs::read_to_string(&path).unwrap(),
        );
    }
    for (name, content) in &expected {
        assert_eq!(
            found.remove(name).as_ref(),
            Some(content),
            "crds/{name} is stale: run `cargo xtask crds`"
        );
    }
    assert!(
        found.is_empty(),
        "crds/ holds files that nothing generates: {:?}",
        found.keys()
    );
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    assert_eq!(
        etcd_backup_api::manifests::files().unwrap(),
        etcd_backup_api::manifests::files().unwrap()
    );
}

#[test]
fn what_is_written_reads_back_as_the_same_definition() {
    for (name, content) in etcd_backup_api::manifests::files().unwrap() {
        let value: Value = serde_saphyr::from_str(&content).unwrap();
        if name != "kustomization.yaml" {
            let kind = value["spec"]["names"]["kind"].as_str().unwrap();
            assert_eq!(serde_json::from_value::<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition>(value.clone()).unwrap(), definition(kind));
        }
    }
}

#[test]
fn names_are_short_and_in_one_category() {
    for (kind, short) in KINDS.into_iter().zip(["ebk", "esnap", "erst"]) {
        let names = definition(kind).spec.names;
        assert_eq!(names.short_names, Some(vec![short.to_owned()]));
        assert_eq!(names.categories, Some(vec!["etcd-backup".to_owned()]));
        assert_eq!(definition(kind).spec.scope, "Namespaced");
        assert!(
            definition(kind).spec.versions[0]
                .subresources
                .as_ref()
                .unwrap()
                .status
                .is_some()
        );
    }
}

#[test]
fn the_columns_are_those_of_the_manual() {
    let columns = |kind: &str, wide: bool| -> Vec<String> {
        let columns = definition(kind)
            .spec
            .versions
            .remove(0)
            .additional_printer_columns
            .unwrap();
        columns
            .into_iter()
            .filter(|column| (column.priority.unwrap_or(0) > 0) == wide)
            .map(|column| column.name.to_uppercase())
            .collect()
    };
    assert_eq!(
        columns("EtcdBackup", false),
        ["SCHEDULE", "LAST SUCCESS", "NEXT", "SNAPSHOTS", "READY", "AGE"]
    );
    assert_eq!(
        columns("EtcdBackup", true),
        ["REVISION", "SIZE", "RESTORABLE", "STORE", "SUSPENDED", "MESSAGE"]
    );
    assert_eq!(
        columns("EtcdSnapshot", false),
        [
            "PLAN", "PHASE", "REVISION", "KEYS", "SIZE", "STORED", "VERIFIED", "AGE"
        ]
    );
    assert_eq!(
        columns("EtcdRestore", false),
        ["PHASE", "REVISION", "TAKEN", "MEMBERS", "AGE"]
    );
    assert_eq!(columns("EtcdRestore", true), ["SOURCE", "COMPLETED", "MESSAGE"]);
}

#[test]
fn every_column_and_selectable_field_exists_in_the_schema() {
    for kind in KINDS {
        let schema = schema(kind);
        let version = definition(kind).spec.versions.remove(0);
        let columns = version
            .additional_printer_columns
            .unwrap()
            .into_iter()
            .map(|column| column.json_path);
        let selectable = version
            .selectable_fields
            .unwrap()
            .into_iter()
            .map(|field| field.json_path);
        for path in columns
            .chain(selectable)
            .filter(|path| path != ".metadata.creationTimestamp")
        {
            let mut at = &schema;
            for step in path
                .trim_start_matches('.')
                .split('.')
                .filter(|step| !step.starts_with("type=="))
            {
                // `conditions[?(@` is the list; what follows names a field of its items.
                let name = step.split('[').next().unwrap().trim_end_matches(')');
                at = &at["properties"][name];
                if step.contains('[') {
                    at = &at["items"];
                }
            }
            assert!(at.is_object(), "{kind}: {path} names nothing");
        }
    }
}

#[test]
fn every_field_says_what_it_is_for() {
    for kind in KINDS {
        walk(&schema(kind), "", &mut |path, node| {
            let text = node["description"].as_str().unwrap_or_default();
            assert!(
                path.is_empty() || text.len() > 10,
                "{kind}{path} has no description"
            );
            assert!(!text.contains("Auto-generated"), "{kind}{path}: {text}");
        });
    }
}

#[test]
fn everything_a_person_writes_is_bounded() {
    for kind in KINDS {
        walk(
            &schema(kind)["properties"]["spec"],
            ".spec",
            &mut |path, node| match node["type"].as_str().unwrap() {
                "string" => assert!(
                    node["maxLength"].is_u64() || node["enum"].is_array(),
                    "{kind}{path} can be endless"
                ),
                "integer" => assert!(
                    node["maximum"].is_number() && node["minimum"].is_number(),
                    "{kind}{path} has no range"
                ),
                "array" => assert!(node["maxItems"].is_u64(), "{kind}{path} can be endless"),
                "object" if node["additionalProperties"].is_object() => assert!(
                    node["maxProperties"].is_u64() && node["additionalProperties"]["maxLength"].is_u64(),
                    "{kind}{path} can be endless"
                ),
                "boolean" | "object" => {}
                other => panic!("{kind}{path}: unexpected type {other}"),
            },
        );
    }
}

#[test]
fn nothing_is_nullable_and_a_status_has_no_defaults() {
    for kind in KINDS {
        walk(&schema(kind), "", &mut |path, node| {
            assert!(node.get("nullable").is_none(), "{kind}{path}");
            assert!(
                !path.starts_with(".status") || node.get("default").is_none(),
                "{kind}{path}"
            );
            assert!(
                !node["format"].as_str().unwrap_or_default().starts_with("uint"),
                "{kind}{path}"
            );
        });
    }
}

/// Visits a schema and all inside it, items of lists included.
fn walk(node: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    if !path.ends_with("[]") {
        visit(path, node);
    }
    for (name, property) in node["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), visit);
    }
    if node["items"].is_object() {
        walk(&node["items"], &format!("{path}[]"), visit);
    }
}
