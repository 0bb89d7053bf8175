//! What the members of a restore are called, and where their peers find them.

use etcd_backup_api::EtcdRestore;
use etcd_backup_snapshot::restore::cluster::{ClusterError, InitialCluster};

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
}
