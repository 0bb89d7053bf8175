//! Whether the etcd of a pod keeps its log outside of its data directory, where restored data would meet the old log.

use k8s_openapi::api::core::v1::{Container, PodSpec};

/// The flag of etcd that names another directory (etcd, server/embed/config.go).
const FLAG: &str = "--wal-dir";

/// The variable that stands for the flag.
const VARIABLE: &str = "ETCD_WAL_DIR";

/// What in the pod's containers names another directory for the log: the flag or the variable. What stands in a file of
/// etcd's own configuration cannot be seen from here, nor what comes from a ConfigMap as a whole.
pub(super) fn named_by(pod: &PodSpec) -> Option<&'static str> {
    pod.containers.iter().find_map(of_container)
}

fn of_container(container: &Container) -> Option<&'static str> {
    let mut variables = container.env.iter().flatten();
    let set = variables.any(|variable| {
        let value = variable.value.as_deref().unwrap_or_default();
        variable.name == VARIABLE && (!value.is_empty() || variable.value_from.is_some())
    });
    if set {
        return Some(VARIABLE);
    }
    // Each may be a whole script.
    let texts = || container.command.iter().chain(&container.args).flatten();
    if texts().any(|text| has_flag(text)) {
        return Some(FLAG);
    }
    texts().any(|text| assigns(text)).then_some(VARIABLE)
}

/// Whether the flag is there, with one dash or two, and not with an empty value.
fn has_flag(text: &str) -> bool {
    let name = &FLAG[1..];
    text.match_indices(name).any(|(at, _)| {
        let begins = !text[..at].ends_with(|before: char| before.is_ascii_alphanumeric());
        let rest = &text[at + name.len()..];
        let ends = rest.is_empty() || rest.starts_with(char::is_whitespace);
        begins && (ends || is_assigned(rest))
    })
}

/// Whether a script gives the variable a value.
fn assigns(text: &str) -> bool {
    text.match_indices(VARIABLE)
        .any(|(at, _)| is_assigned(&text[at + VARIABLE.len()..]))
}

fn is_assigned(rest: &str) -> bool {
    rest.strip_prefix('=')
        .and_then(|value| value.chars().next())
        .is_some_and(|first| !first.is_whitespace())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(container: Value) -> Option<&'static str> {
        let mut container = container;
        container["name"] = json!("etcd");
        named_by(&serde_json::from_value(json!({"containers": [{"name": "other"}, container]})).unwrap())
    }

    #[test]
    fn the_flag_and_the_variable_are_seen_wherever_they_stand() {
        for container in [
            json!({"command": ["etcd", "--wal-dir=/wal"]}),
            json!({"command": ["etcd", "--name=m0", "--wal-dir", "/wal"]}),
            json!({"args": ["-wal-dir=/wal"]}),
            json!({"command": ["sh", "-c", "exec etcd --name $NAME --wal-dir \"$WAL\" --data-dir /data"]}),
        ] {
            assert_eq!(named(container.clone()), Some("--wal-dir"), "{container}");
        }
        let field = json!({"fieldRef": {"fieldPath": "metadata.name"}});
        for container in [
            json!({"env": [{"name": "ETCD_WAL_DIR", "value": "/wal"}]}),
            json!({"env": [{"name": "ETCD_WAL_DIR", "valueFrom": field}]}),
            json!({"command": ["sh", "-c", "export ETCD_WAL_DIR=/wal; exec etcd"]}),
        ] {
            assert_eq!(named(container.clone()), Some("ETCD_WAL_DIR"), "{container}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not_taken_for_it() {
        for container in [
            json!({"command": ["etcd", "--data-dir=/data"]}),
            json!({"command": ["etcd", "--wal-dir="]}),
            json!({"command": ["etcd", "--my-wal-directory=/x", "--other-wal-dir=/x"]}),
            json!({"command": ["sh", "-c", "[ -z \"$ETCD_WAL_DIR\" ] && exec etcd"]}),
            json!({"env": [{"name": "ETCD_WAL_DIR", "value": ""}, {"name": "ETCD_DATA_DIR", "value": "/data"}]}),
        ] {
            assert_eq!(named(container.clone()), None, "{container}");
        }
    }
}
