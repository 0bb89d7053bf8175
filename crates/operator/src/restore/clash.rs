//! Members of one restore that would be in each other's way.

use etcd_backup_api::{ClaimReference, EtcdRestore, RestoreTarget};
use etcd_backup_snapshot::restore::cluster::{ClusterError, InitialCluster};

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

/// In words: a member without a target that is named after another pod of the StatefulSet than the one whose claim is its own. That
/// pod would start on another member's data.
pub(super) fn out_of_order(restore: &EtcdRestore) -> Option<String> {
    let set = restore.spec.stateful_set.as_ref()?;
    let first = restore.status.as_ref()?.stateful_set.as_ref()?.first_ordinal;
    let own = (i64::from(first.unwrap_or(0))..).zip(&restore.spec.members);
    own.filter(|(_, member)| member.target.is_none())
        .find_map(|(ordinal, member)| {
            let (of, number) = member.name.rsplit_once('-')?;
            let named = number.parse::<i64>().ok().filter(|_| of == set.name)?;
            (named != ordinal).then(|| {
                format!(
                    "the member {} would get the data of the pod {of}-{ordinal}: name the members in the order of the pods, or their \
                     targets",
                    member.name
                )
            })
        })
}

/// Whether names and peer URLs make a cluster. The engine asks the same, but by then the members are stopped.
///
/// # Errors
/// What of them etcd would refuse, and a URL that two members share.
pub(super) fn check_cluster(restore: &EtcdRestore) -> Result<(), ClusterError> {
    let members = restore.spec.members.iter();
    let named = members.map(|member| (member.name.as_str(), member.peer_urls.iter().map(String::as_str)));
    InitialCluster::new(named).map(drop)
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
    fn a_member_named_after_another_pod_than_its_own_is_told() {
        let of = |first: i32, names: [&str; 2]| {
            let members = names.map(|name| json!({"name": name, "peerURLs": ["https://m:2380"]}));
            out_of_order(&restore(json!({
                "spec": {"statefulSet": {"name": "etcd"}, "members": members},
                "status": {"phase": "Resolving", "statefulSet": {"uid": "u", "replicas": 2, "firstOrdinal": first}},
            })))
        };
        for names in [
            ["etcd-0", "etcd-1"],
            ["m1", "m0"],
            ["other-1", "other-0"],
            ["etcd-a", "etcd-"],
        ] {
            assert_eq!(of(0, names), None, "{names:?}");
        }
        assert_eq!(of(9, ["etcd-9", "etcd-10"]), None);
        for (first, names) in [
            (0, ["etcd-1", "etcd-0"]),
            (9, ["etcd-10", "etcd-9"]),
            (1, ["etcd-0", "etcd-1"]),
        ] {
            let message = of(first, names).unwrap();
            let said = format!(
                "the member {} would get the data of the pod etcd-{first}:",
                names[0]
            );
            assert!(message.starts_with(&said), "{message}");
        }
        let targets = json!({"persistentVolumeClaim": {"claimName": "a"}});
        let named = restore(json!({
            "spec": {"statefulSet": {"name": "etcd"}, "members": [{"name": "etcd-1", "peerURLs": ["https://m:2380"], "target": targets}]},
            "status": {"phase": "Resolving", "statefulSet": {"uid": "u", "replicas": 1}},
        }));
        assert_eq!(out_of_order(&named), None, "whose data it is has been said");
    }

    #[test]
    fn members_that_make_no_cluster_are_told_before_anything_is_done() {
        let of = |first: &str, second: &str| {
            check_cluster(&restore(json!({"spec": {"members": [
                {"name": "m0", "peerURLs": [first]}, {"name": "m1", "peerURLs": [second]},
            ]}})))
        };
        assert_eq!(of("https://m0:2380", "https://m1:2380"), Ok(()));
        for (second, said) in [
            ("https://m0:2380", "members `m0` and `m1` have the same peer URL"),
            (
                "https://m1:99999",
                "the peer URL of member `m1` must have the form host:port",
            ),
        ] {
            let error = of("https://m0:2380", second).unwrap_err();
            assert_eq!(error.to_string(), said);
        }
    }

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
