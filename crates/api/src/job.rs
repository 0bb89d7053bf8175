//! The shape of the Jobs that work for an object: where their pods run, as whom, and with how much.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::{NAME_PATTERN, SecretReference};

/// Where the pods of Jobs run, as whom, and with how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.nodeSelector) || self.nodeSelector.all(key, key.size() <= 317)")
        .message("a key of nodeSelector has at most 317 characters")
)]
pub struct JobShape {
    /// Labels that a node must have to run the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 16, "additionalProperties" = { "type": "string", "maxLength": 63 }))]
    pub node_selector: BTreeMap<String, String>,

    /// Taints of nodes that the pods put up with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub tolerations: Vec<Toleration>,

    /// Run the pods in the network of their node.
    #[serde(default)]
    pub host_network: bool,

    /// The service account of the pods, for what a cloud grants to it (such as a role that may read
    /// the bucket). No token of Kubernetes is mounted. Without it: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub service_account_name: Option<String>,

    /// Secrets with which the operator's image is pulled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub image_pull_secrets: Vec<SecretReference>,

    /// What a pod asks for and how much it may take. Without it: what the work needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// The user as whom the pods run, and who owns the files that they write. Without it: 65532.
    /// Never root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_user: Option<i64>,

    /// The group as which the pods run. Without it: the number of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub run_as_group: Option<i64>,

    /// The group that may write to the volumes. Without it: the number of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub fs_group: Option<i64>,

    /// The volume that holds a store of type `local`, mounted where the store's `path` says. Only
    /// for such a store: the pods do not have the volumes of the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_store: Option<ClaimReference>,
}

/// A directory of a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimReference {
    /// Name of a PersistentVolumeClaim in the namespace of this object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub claim_name: String,

    /// A directory inside the volume. Without it: the top of the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 1024),
        regex(pattern = "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    )]
    #[x_kube(validation = Rule::new("!self.matches('(^|/)[.]{1,2}(/|$)')").message("a subPath has no part that is . or .."))]
    pub sub_path: Option<String>,
}

/// What a pod asks for and how much it may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What a node must have to spare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Amounts>,

    /// The most that it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Amounts>,
}

/// Amounts of what a node has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Processors, such as `500m` or `2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), regex(pattern = r"^[0-9]+(\.[0-9]+)?m?$"))]
    pub cpu: Option<String>,

    /// Memory, such as `256Mi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(k|M|G|Ki|Mi|Gi)?$")
    )]
    pub memory: Option<String>,
}

/// A taint that pods put up with, in Kubernetes' own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.operator != 'Exists' || !has(self.value)").message("operator Exists takes no value"))]
pub struct Toleration {
    /// Key of the taint. Without it every key is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 317),
        regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?$")
    )]
    pub key: Option<String>,

    /// Whether the taint must have the value, or need only be there.
    #[serde(default)]
    pub operator: TolerationOperator,

    /// Value of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 63),
        regex(pattern = "^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$")
    )]
    pub value: Option<String>,

    /// Effect of the taint. Without it every effect is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,

    /// How long a pod stays on a node that got a taint with the effect `NoExecute`. Without it: for
    /// ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub toleration_seconds: Option<i64>,
}

/// Whether a taint must have a value, or need only be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum TolerationOperator {
    /// It must have the value.
    #[default]
    Equal,
    /// It need only be there.
    Exists,
}

impl TolerationOperator {
    /// The word, as Kubernetes has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::Exists => "Exists",
        }
    }
}

/// Effects of taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum TaintEffect {
    /// No pod is placed there.
    NoSchedule,
    /// A pod is placed there only when there is no other node.
    PreferNoSchedule,
    /// Pods that are there have to go.
    NoExecute,
}

impl TaintEffect {
    /// The word, as Kubernetes has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}
