//! Which etcd to back up and how to speak to it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretReference;

/// The etcd cluster that is backed up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.endpoints.all(e, e.startsWith('https://')) || self.endpoints.all(e, e.startsWith('http://'))")
        .message("endpoints must be all https:// or all http://, not a mixture"),
    validation = Rule::new("!has(self.tls) || self.endpoints.all(e, e.startsWith('https://'))")
        .message("tls needs https:// endpoints")
)]
pub struct EtcdSpec {
    /// Client URLs of the members, one for each (not a load balancer in front of them):
    /// `https://10.0.0.1:2379`. Between 1 and 16, all https:// or all http://, without path, query
    /// or credentials. The operator asks every one of them and takes the snapshot from a healthy
    /// follower.
    #[schemars(length(min = 1, max = 16))]
    #[schemars(inner(
        length(min = 8, max = 262),
        regex(
            pattern = r"^https?://([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?/?$"
        )
    ))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub endpoints: Vec<String>,

    /// Certificates for https:// endpoints. Without it the server's certificate is checked against
    /// the system's authorities and no client certificate is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<EtcdTls>,

    /// User and password, when etcd's own authentication is on: a Secret with the keys `username`
    /// and `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<SecretReference>,

    /// The cluster id that must be found, in hexadecimal as `etcdctl endpoint status -w fields`
    /// shows it. Without it the id is learnt at the first success and expected from then on. Either
    /// way a different cluster behind the same endpoints never mixes with the backups of this one.
    #[serde(default, rename = "clusterID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), regex(pattern = "^[0-9a-f]{1,16}$"))]
    pub cluster_id: Option<String>,

    /// Take a snapshot even when the cluster has lost its quorum, because it may be the last
    /// chance. Such a snapshot may lack the newest writes and is marked as degraded: a restore warns
    /// of it, and retention lets it displace none that is not. A member with the alarm CORRUPT is
    /// never taken.
    #[serde(default)]
    pub allow_degraded: bool,
}

/// Certificates to speak to etcd with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdTls {
    /// Name of a Secret in the namespace of this object. `ca.crt` is the authority that signed the
    /// servers' certificates; `tls.crt` and `tls.key` are the client's certificate and key. All in
    /// PEM; each may be absent, but `tls.crt` and `tls.key` come together.
    #[schemars(length(min = 1, max = 253), regex(pattern = crate::secret::NAME_PATTERN))]
    pub secret_name: String,

    /// The name that the servers' certificates must carry, when it is not the host of the endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
    )]
    pub server_name: Option<String>,
}
