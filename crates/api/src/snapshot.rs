//! EtcdSnapshot: one stored snapshot, or the wish for one.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::snapshot_status::EtcdSnapshotStatus;

/// Which plan a snapshot belongs to.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "etcdbackup.dev",
    version = "v1alpha1",
    kind = "EtcdSnapshot",
    plural = "etcdsnapshots",
    singular = "etcdsnapshot",
    shortname = "esnap",
    category = "etcd-backup",
    namespaced,
    status = "EtcdSnapshotStatus",
    derive = "PartialEq",
    doc = "EtcdSnapshot is one snapshot of a plan. The operator creates one for every snapshot that it takes by schedule or finds in the store; creating one by hand takes a snapshot now.",
    selectable = ".spec.backupName",
    selectable = ".status.phase",
    printcolumn(
        name = "Plan",
        type_ = "string",
        json_path = ".spec.backupName",
        description = "The EtcdBackup that it belongs to"
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "What has become of it"
    ),
    printcolumn(
        name = "Revision",
        type_ = "integer",
        json_path = ".status.etcd.revision",
        description = "Revision of etcd's key space"
    ),
    printcolumn(
        name = "Keys",
        type_ = "integer",
        json_path = ".status.snapshot.totalKeys",
        description = "Keys, as etcdutl snapshot status counts them"
    ),
    printcolumn(
        name = "Size",
        type_ = "integer",
        json_path = ".status.snapshot.size",
        description = "Bytes of the snapshot, before compression"
    ),
    printcolumn(
        name = "Stored",
        type_ = "integer",
        json_path = ".status.object.size",
        description = "Bytes that it takes in the store"
    ),
    printcolumn(
        name = "Verified",
        type_ = "date",
        json_path = ".status.verified.time",
        description = "How long ago it was proved"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Member",
        type_ = "string",
        json_path = ".status.etcd.member",
        priority = 1,
        description = "The etcd member that gave it"
    ),
    printcolumn(
        name = "URL",
        type_ = "string",
        json_path = ".status.object.url",
        priority = 1,
        description = "Where it is"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = 1,
        description = "What there is to say"
    )
)]
pub struct EtcdSnapshotSpec {
    /// Name of the EtcdBackup, in the same namespace, that says which etcd and where to. Cannot be
    /// changed.
    #[schemars(length(min = 1, max = 47), regex(pattern = crate::secret::NAME_PATTERN))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("backupName cannot be changed"))]
    pub backup_name: String,

    /// Never remove this snapshot from the store, whatever the retention of the plan says and
    /// whatever is deleted. While it is pinned this object cannot be deleted either: it waits until
    /// `pin` is `false`, or its plan is gone, and what is stored stays. The pin is written down here
    /// alone: what must outlive this cluster needs a lock of the bucket (`storage.s3.objectLock`).
    #[serde(default)]
    pub pin: bool,
}
