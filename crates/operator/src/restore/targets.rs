//! Where a restore writes, and who else does.

use chrono::{DateTime, Utc};
use etcd_backup_api::{ClaimReference, EtcdRestore, RestorePhase, RestoreTarget};
use kube::ResourceExt;

use crate::status::instant;

/// Something that only one restore may write to at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A claim of the restore's namespace.
    Claim(String, String),
    /// A directory of a node.
    Directory(String, String),
    /// The claims of a StatefulSet, while it is not known which they are.
    StatefulSet(String, String),
}

impl Place {
    /// Whether writing to both at once could meet.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory(node, path), Self::Directory(other_node, other_path)) => {
                node == other_node && (is_inside(path, other_path) || is_inside(other_path, path))
            }
            (one, other) => one == other,
        }
    }
}

/// Whether `path` is `folder` or below it.
pub(super) fn is_inside(path: &str, folder: &str) -> bool {
    std::path::Path::new(path).starts_with(folder)
}

/// Where member `index` is written: as the specification says, or the claim of the StatefulSet's pod of that number.
/// `None` while the StatefulSet was not looked at: which claims are its pods' is not known before.
pub fn target(restore: &EtcdRestore, index: usize) -> Option<RestoreTarget> {
    if let Some(target) = &restore.spec.members.get(index)?.target {
        return Some(target.clone());
    }
    let set = restore.spec.stateful_set.as_ref()?;
    let pinned = restore.status.as_ref()?.stateful_set.as_ref()?;
    let template = pinned.volume_claim_template.as_ref()?;
    let ordinal = i64::from(pinned.first_ordinal.unwrap_or(0)) + i64::try_from(index).ok()?;
    Some(RestoreTarget {
        persistent_volume_claim: Some(ClaimReference {
            // As the StatefulSet controller names it (kubernetes, pkg/controller/statefulset, getPersistentVolumeClaimName).
            claim_name: format!("{template}-{}-{ordinal}", set.name),
            sub_path: set.sub_path.clone(),
        }),
        host_path: None,
    })
}

/// Everything that a restore writes to.
pub fn places(restore: &EtcdRestore) -> Vec<Place> {
    let namespace = restore.namespace().unwrap_or_default();
    let mut places: Vec<Place> = (0..restore.spec.members.len())
        .filter_map(|index| target(restore, index))
        .filter_map(
            |target| match (target.persistent_volume_claim, target.host_path) {
                (Some(claim), _) => Some(Place::Claim(namespace.clone(), claim.claim_name)),
                (None, Some(path)) => Some(Place::Directory(path.node_name, path.path)),
                (None, None) => None,
            },
        )
        .collect();
    if let Some(set) = &restore.spec.stateful_set {
        places.push(Place::StatefulSet(namespace, set.name.clone()));
    }
    places
}

/// In words: `claim data-etcd-0`, `/var/lib/etcd on node cp-1`.
pub fn describe(target: &RestoreTarget) -> String {
    match (&target.persistent_volume_claim, &target.host_path) {
        (Some(claim), _) => match &claim.sub_path {
            Some(path) => format!("claim {}, directory {path}", claim.claim_name),
            None => format!("claim {}", claim.claim_name),
        },
        (None, Some(path)) => format!("{} on node {}", path.path, path.node_name),
        (None, None) => "nowhere".to_owned(),
    }
}

/// The unfinished restore that has a better right to one of the places of `restore`: one that puts data in place, else one that
/// has begun, else the older one, by creation and then by UID. Where both were told to begin by what each knew of the other,
/// one of them learns better before it puts anything in place.
pub fn rival<'a>(
    restore: &EtcdRestore,
    others: impl IntoIterator<Item = &'a EtcdRestore>,
) -> Option<&'a EtcdRestore> {
    let places = places(restore);
    others.into_iter().find(|other| {
        other.uid() != restore.uid()
            && !is_over(other)
            && rank(other) < rank(restore)
            && self::places(other)
                .iter()
                .any(|place| places.iter().any(|own| own.meets(place)))
    })
}

fn is_over(restore: &EtcdRestore) -> bool {
    restore
        .status
        .as_ref()
        .is_some_and(|status| status.phase.is_terminal())
}

/// Who comes first: the lower.
fn rank(restore: &EtcdRestore) -> (u8, Option<DateTime<Utc>>, Option<String>) {
    let phase = restore
        .status
        .as_ref()
        .map(|status| status.phase)
        .unwrap_or_default();
    let progress = match phase {
        RestorePhase::Pending | RestorePhase::Resolving => 2,
        RestorePhase::Preparing | RestorePhase::Undoing => 1,
        _ => 0,
    };
    let created = restore.creation_timestamp().as_ref().map(instant);
    (progress, created, restore.uid())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::restore;

    fn aged(uid: &str, created: &str) -> EtcdRestore {
        restore(json!({"metadata": {"uid": uid, "creationTimestamp": created}}))
    }

    #[test]
    fn the_older_of_two_restores_of_one_target_wins() {
        let older = aged("b", "2026-11-23T06:00:00Z");
        let younger = aged("a", "2026-11-23T06:00:01Z");
        assert!(rival(&younger, [&older]).is_some());
        assert!(rival(&older, [&younger]).is_none());
    }

    #[test]
    fn of_two_restores_of_one_second_exactly_one_wins() {
        let one = aged("a", "2026-11-23T06:00:00Z");
        let other = aged("b", "2026-11-23T06:00:00Z");
        assert!(rival(&other, [&one]).is_some());
        assert!(rival(&one, [&other]).is_none());
        assert!(rival(&one, [&one]).is_none(), "nobody is a rival of their own");
    }

    fn in_phase(mut restore: EtcdRestore, phase: RestorePhase) -> EtcdRestore {
        restore.status = Some(etcd_backup_api::EtcdRestoreStatus {
            phase,
            ..Default::default()
        });
        restore
    }

    #[test]
    fn one_that_has_begun_wins_over_an_older_one_and_one_that_commits_over_both() {
        let old = |phase| in_phase(aged("a", "2026-11-23T06:00:00Z"), phase);
        let young = |phase| in_phase(aged("b", "2026-11-23T06:00:01Z"), phase);
        let phases = [
            (RestorePhase::Resolving, RestorePhase::Preparing),
            (RestorePhase::Preparing, RestorePhase::Committing),
        ];
        for (behind, ahead) in phases {
            assert!(rival(&old(behind), [&young(ahead)]).is_some());
            assert!(rival(&young(ahead), [&old(behind)]).is_none());
        }
        let preparing = RestorePhase::Preparing;
        assert!(rival(&young(preparing), [&old(preparing)]).is_some());
        assert!(rival(&old(preparing), [&young(preparing)]).is_none());
    }

    #[test]
    fn a_restore_that_is_over_is_in_nobodys_way() {
        let mut older = aged("a", "2026-11-23T05:00:00Z");
        older.status = Some(etcd_backup_api::EtcdRestoreStatus {
            phase: etcd_backup_api::RestorePhase::Failed,
            ..Default::default()
        });
        assert!(rival(&aged("b", "2026-11-23T06:00:00Z"), [&older]).is_none());
    }

    #[test]
    fn claims_of_other_namespaces_are_other_claims() {
        let other = restore(json!({"metadata": {
            "uid": "0", "namespace": "elsewhere", "creationTimestamp": "2026-11-20T00:00:00Z",
        }}));
        assert!(rival(&aged("b", "2026-11-23T06:00:00Z"), [&other]).is_none());
    }

    /// One of two members of the StatefulSet `etcd`, with what is known of it.
    fn of_set(pinned: &serde_json::Value) -> EtcdRestore {
        restore(json!({
            "metadata": {"uid": "0", "creationTimestamp": "2026-11-20T00:00:00Z"},
            "spec": {
                "statefulSet": {"name": "etcd", "volumeClaimTemplate": "data", "subPath": "x"},
                "members": [
                    {"name": "m0", "peerURLs": ["https://m0:2380"]}, {"name": "m1", "peerURLs": ["https://m1:2380"]},
                ],
            },
            "status": {"statefulSet": pinned},
        }))
    }

    #[test]
    fn a_statefulset_and_its_claims_named_one_by_one_are_the_same_target() {
        let by_set = of_set(&json!({"uid": "u", "replicas": 2, "volumeClaimTemplate": "data"}));
        let target = target(&by_set, 0).unwrap();
        assert_eq!(describe(&target), "claim data-etcd-0, directory x");
        assert!(rival(&aged("b", "2026-11-23T06:00:00Z"), [&by_set]).is_some());
    }

    #[test]
    fn members_are_the_claims_of_a_statefulsets_pods_from_its_first_number_on() {
        let from_five =
            of_set(&json!({"uid": "u", "replicas": 2, "firstOrdinal": 5, "volumeClaimTemplate": "data"}));
        let claims: Vec<String> = (0..2)
            .map(|index| describe(&target(&from_five, index).unwrap()))
            .collect();
        assert_eq!(
            claims,
            ["claim data-etcd-5, directory x", "claim data-etcd-6, directory x"]
        );
        assert!(rival(&aged("b", "2026-11-23T06:00:00Z"), [&from_five]).is_none());
        let not_seen = of_set(&serde_json::Value::Null);
        assert!(target(&not_seen, 0).is_none(), "its numbers are not known");
    }

    #[test]
    fn directories_of_a_node_meet_when_one_is_inside_the_other() {
        let on = |node: &str, path: &str| Place::Directory(node.to_owned(), path.to_owned());
        assert!(on("a", "/var/lib/etcd").meets(&on("a", "/var/lib/etcd/data")));
        assert!(!on("a", "/var/lib/etcd").meets(&on("b", "/var/lib/etcd")));
        assert!(!on("a", "/var/lib/etcd").meets(&on("a", "/var/lib/etcd2")));
    }
}
