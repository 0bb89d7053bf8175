//! Which snapshot is whose. By UID: a plan created anew under an old name owns nothing of its predecessor.

use etcd_backup_api::{EtcdBackup, EtcdSnapshot, labels};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

/// The owner reference that says who a snapshot's plan is, if it has one.
pub fn plan_reference(snapshot: &impl ResourceExt) -> Option<&OwnerReference> {
    let group = EtcdBackup::group(&());
    snapshot.owner_references().iter().find(|owner| {
        owner.kind == EtcdBackup::kind(&())
            && owner
                .api_version
                .split_once('/')
                .is_some_and(|(of, _)| of == group)
    })
}

/// Whether `snapshot` was some plan's and is nobody's: whoever brings objects back from a backup keeps labels, and leaves owner
/// references out.
pub fn was_owned(snapshot: &impl ResourceExt) -> bool {
    plan_reference(snapshot).is_none() && snapshot.labels().contains_key(labels::PLAN_UID)
}

/// Whether `snapshot` is `plan`'s: by its owner reference, or by name as long as nobody owns it.
pub fn belongs(snapshot: &EtcdSnapshot, plan: &EtcdBackup) -> bool {
    match plan_reference(snapshot) {
        Some(owner) => plan.uid().is_some_and(|uid| uid == owner.uid),
        None => snapshot.spec.backup_name == plan.name_any(),
    }
}

/// The owner reference that makes a snapshot `plan`'s.
pub fn reference_to(plan: &EtcdBackup) -> Option<OwnerReference> {
    plan.controller_owner_ref(&())
}

/// The labels by which a plan's snapshots are found.
pub fn labels_of(plan: &EtcdBackup) -> [(&'static str, String); 2] {
    [
        (labels::PLAN, plan.name_any()),
        (labels::PLAN_UID, plan.uid().unwrap_or_default()),
    ]
}
