//! EtcdRestore: one restore of one cluster.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::etcd::EtcdSpec;
use crate::job::{ClaimReference, JobShape};
use crate::restore_source::RestoreSource;
use crate::restore_status::EtcdRestoreStatus;
use crate::secret::{NAME_PATTERN, SecretReference};

/// How much higher every revision becomes when nothing else is said: more than etcd can have handed
/// out since the snapshot, so that no client sees a revision go backwards. The number of etcd's own
/// documentation (op-guide/recovery).
pub const DEFAULT_BUMP: i64 = 1_000_000_000;

/// What to restore, how, and where to.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "etcdbackup.dev",
    version = "v1alpha1",
    kind = "EtcdRestore",
    plural = "etcdrestores",
    singular = "etcdrestore",
    shortname = "erst",
    category = "etcd-backup",
    namespaced,
    status = "EtcdRestoreStatus",
    derive = "PartialEq",
    doc = "EtcdRestore restores one snapshot into the data directories of all members of a new etcd cluster, once. Nothing of a target changes before the snapshot is proved and every member is built; old data is renamed aside, never deleted.",
    selectable = ".status.phase",
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "How far it is"
    ),
    printcolumn(
        name = "Revision",
        type_ = "integer",
        json_path = ".status.source.revision",
        description = "Revision of the snapshot"
    ),
    printcolumn(
        name = "Taken",
        type_ = "date",
        json_path = ".status.source.taken",
        description = "How old the snapshot is"
    ),
    printcolumn(
        name = "Members",
        type_ = "integer",
        json_path = ".status.membersDone",
        description = "Members whose new data is in place"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Source",
        type_ = "string",
        json_path = ".status.source.url",
        priority = 1,
        description = "Where the snapshot is"
    ),
    printcolumn(
        name = "Completed",
        type_ = "date",
        json_path = ".status.completionTime",
        priority = 1,
        description = "How long ago it ended"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = 1,
        description = "What there is to say"
    )
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("the spec of a restore cannot be changed: create another one"),
    validation = Rule::new("has(self.statefulSet) || self.members.all(member, has(member.target))")
        .message("every member needs a target, unless statefulSet is set"),
    validation = Rule::new("!has(self.statefulSet) || self.members.all(member, !has(member.target) || !has(member.target.hostPath))")
        .message("with statefulSet every target is a claim, not a hostPath")
)]
pub struct EtcdRestoreSpec {
    /// The snapshot: named in exactly one way. It is looked up once; every member gets the same
    /// bytes.
    pub source: RestoreSource,

    /// A Secret whose key `identity` holds the age identities (lines that begin with
    /// `AGE-SECRET-KEY-1`, as age-keygen writes them) that an encrypted snapshot is read with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<SecretReference>,

    /// Go back further than the snapshot: to this revision, which must lie within its history.
    /// Without it everything in the snapshot is restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub revision: Option<i64>,

    /// How much higher every revision becomes. Clients with a cache, such as Kubernetes' own, must
    /// never see a revision go backwards; with a jump they notice that they have to start over. 0
    /// keeps the revisions: not for Kubernetes.
    #[serde(default = "default_bump")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_i64))]
    pub bump_revision: i64,

    /// The token of the new cluster, which etcd mixes into its ids: `--initial-cluster-token` of the
    /// members must say the same if they are ever started without data. Without it: a new one, see
    /// the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 128),
        regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
    )]
    pub initial_cluster_token: Option<String>,

    /// The version of etcd that will run on the result, such as `3.6`: one that cannot read the
    /// snapshot is refused. Without it nothing is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 16), regex(pattern = r"^3\.[0-9]{1,2}(\.[0-9]{1,3})?$"))]
    pub target_version: Option<String>,

    /// The members of the new cluster, all of them: between 1 and 9.
    #[schemars(length(min = 1, max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub members: Vec<RestoreMember>,

    /// The StatefulSet that runs the members. It is scaled to zero before anything changes, and back
    /// afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateful_set: Option<RestoreStatefulSet>,

    /// What to do about a member's data that is there already. `Refuse`: the restore fails and
    /// nothing changes. `ReplaceAside`: it is renamed, to be looked at and deleted by hand.
    #[serde(default)]
    pub existing_data: ExistingData,

    /// Where the restored cluster is asked whether it works. Without it: the `etcd` of the plan that
    /// the snapshot is of, when `statefulSet` starts the members; else nothing is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<RestoreVerify>,

    /// How long the work for one member may take, such as `2h`.
    #[serde(default = "default_timeout")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("timeout must be longer than nothing"))]
    pub timeout: Duration,

    /// Where the pods that do the work run, as whom, and with how much.
    #[serde(default)]
    pub job: JobShape,
}

/// A member of the new cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreMember {
    /// Name of the member: what its etcd is started with as `--name`.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
    )]
    pub name: String,

    /// Where the other members reach it: what its etcd is started with as
    /// `--initial-advertise-peer-urls`, such as `https://etcd-0.etcd:2380`.
    #[serde(rename = "peerURLs")]
    #[schemars(length(min = 1, max = 4))]
    #[schemars(inner(
        length(min = 10, max = 262),
        regex(
            pattern = r"^https?://([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}$"
        )
    ))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub peer_urls: Vec<String>,

    /// Where its data directory is. With `statefulSet`, and without this field: the claim of the pod
    /// with the same place in the order, which begins with `ordinals.start` of the StatefulSet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<RestoreTarget>,
}

/// Where a data directory is: exactly one of the ways.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.persistentVolumeClaim) != has(self.hostPath)")
    .message("set exactly one of persistentVolumeClaim and hostPath"))]
pub struct RestoreTarget {
    /// In a volume. `subPath` is the data directory inside it; without it the volume itself is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimReference>,

    /// On a node. The operator's administrator must have allowed the path, and the pod runs as root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathTarget>,
}

/// A directory of a node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostPathTarget {
    /// Absolute path of the data directory, such as `/var/lib/etcd`. It must exist.
    #[schemars(length(min = 2, max = 1024), regex(pattern = "^(/[A-Za-z0-9._-]+)+$"))]
    #[x_kube(validation = Rule::new("!self.matches('/[.]{1,2}(/|$)')").message("a path has no part that is . or .."))]
    pub path: String,

    /// Name of the node.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub node_name: String,
}

/// The StatefulSet that runs the members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreStatefulSet {
    /// Name of a StatefulSet in the namespace of this object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub name: String,

    /// Which of its volume claim templates holds the data. Without it: the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub volume_claim_template: Option<String>,

    /// The data directory inside the volume. Without it the volume itself is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    )]
    #[x_kube(validation = Rule::new("!self.matches('(^|/)[.]{1,2}(/|$)')").message("a subPath has no part that is . or .."))]
    pub sub_path: Option<String>,
}

/// What to do about data that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum ExistingData {
    /// The restore fails, and nothing changes.
    #[default]
    Refuse,
    /// It is renamed, and never deleted.
    ReplaceAside,
}

/// How the restored cluster is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreVerify {
    /// Where its members are and how to speak to them. Its `clusterID` is not looked at: a restored
    /// cluster has a new one.
    pub etcd: EtcdSpec,
}

fn default_bump() -> i64 {
    DEFAULT_BUMP
}

fn default_timeout() -> Duration {
    Duration::from_hours(2)
}
