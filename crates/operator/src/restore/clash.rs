//! Members of one restore that would be in each other's way.

use etcd_backup_api::{ClaimReference, EtcdRestore, RestoreTarget};

use super::targets::{is_inside, target};

/// In words: two members of one restore of which one would write to the directory of the other, or into it.
pub(super) fn clashing(restore: &EtcdRestore) -> Option<String> {
    let (first, second) = clash(restore)?;
    let name = |index: usize| {
        restore
            .spec
            .members
            .get(index)
            .map_or("", |member| member.name.as_str())
    };
    Some(format!(
        "members {} and {} have the same target, or one of them is inside the other's",
        name(first),
        name(second)
    ))
}

/// Their positions.
fn clash(restore: &EtcdRestore) -> Option<(usize, usize)> {
    let targets: Vec<Option<RestoreTarget>> = (0..restore.spec.members.len())
        .map(|index| target(restore, index))
        .collect();
    (0..targets.len())
        .flat_map(|first| (first + 1..targets.len()).map(move |second| (first, second)))
        .find(|(first, second)| match (&targets[*first], &targets[*second]) {
            (Some(first), Some(second)) => overlap(first, second),
            _ => false,
        })
}

/// Whether two targets are one directory, or one is inside the other.
fn overlap(first: &RestoreTarget, second: &RestoreTarget) -> bool {
    let nested = |one: &str, other: &str| is_inside(one, other) || is_inside(other, one);
    let claims = (&first.persistent_volume_claim, &second.persistent_volume_claim);
    if let (Some(first), Some(second)) = claims {
        // Without a path it is the volume itself, in which every other directory of it lies.
        let path = |claim: &ClaimReference| claim.sub_path.clone().unwrap_or_default();
        return first.claim_name == second.claim_name && nested(&path(first), &path(second));
    }
    match (&first.host_path, &second.host_path) {
        (Some(first), Some(second)) => {
            first.node_name == second.node_name && nested(&first.path, &second.path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::restore;

    #[test]
    fn two_members_clash_in_one_directory_and_when_one_is_inside_the_other() {
        let claim = |name: &str, path: Option<&str>| match path {
            Some(path) => json!({"persistentVolumeClaim": {"claimName": name, "subPath": path}}),
            None => json!({"persistentVolumeClaim": {"claimName": name}}),
        };
        let host = |node: &str, path: &str| json!({"hostPath": {"nodeName": node, "path": path}});
        let of = |first: &serde_json::Value, second: &serde_json::Value| {
            clash(&restore(json!({"spec": {"members": [
                {"name": "m0", "peerURLs": ["https://m0:2380"], "target": first},
                {"name": "m1", "peerURLs": ["https://m1:2380"], "target": second},
            ]}})))
        };
        let same_or_nested = [
            (claim("a", Some("x")), claim("a", Some("x"))),
            (claim("a", Some("x")), claim("a", Some("x/member"))),
            (claim("a", None), claim("a", Some("x"))),
            (host("n", "/var/lib/etcd"), host("n", "/var/lib/etcd/member")),
        ];
        for (first, second) in &same_or_nested {
            assert_eq!(of(first, second), Some((0, 1)), "{first} {second}");
            assert_eq!(of(second, first), Some((0, 1)), "{second} {first}");
        }
        let apart = [
            (claim("a", Some("x")), claim("a", Some("y"))),
            (claim("a", Some("x")), claim("a", Some("xy"))),
            (claim("a", None), claim("b", None)),
            (host("n", "/var/lib/etcd"), host("m", "/var/lib/etcd")),
            (claim("a", None), host("n", "/var/lib/etcd")),
        ];
        for (first, second) in &apart {
            assert_eq!(of(first, second), None, "{first} {second}");
        }
    }
}
