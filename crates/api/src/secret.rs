//! Naming a Secret.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What the name of a Secret looks like: a DNS-1123 subdomain (RFC 1123, as Kubernetes checks
/// object names), so never a path and never another namespace.
pub const NAME_PATTERN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A Secret in the namespace of the object that names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Name of a Secret in the namespace of this object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub secret_name: String,
}

/// The keys that a Secret may have, by what it is for. All values are text; certificates and keys
/// are PEM.
pub mod keys {
    /// The authority that signed a server's certificate (as cert-manager and Kubernetes name it).
    pub const CA_CERTIFICATE: &str = "ca.crt";
    /// A client's certificate, as in a Secret of type kubernetes.io/tls.
    pub const TLS_CERTIFICATE: &str = "tls.crt";
    /// The key of that certificate.
    pub const TLS_KEY: &str = "tls.key";
    /// etcd's user, as in a Secret of type kubernetes.io/basic-auth.
    pub const USERNAME: &str = "username";
    /// That user's password.
    pub const PASSWORD: &str = "password";
    /// S3 credentials carry the names that the AWS tools give them in the environment, so that one
    /// Secret serves both.
    pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
    /// The secret half of an access key.
    pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
    /// Only for temporary credentials.
    pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
    /// Identities of age, as age-keygen writes them, that encrypted snapshots are read with.
    pub const IDENTITY: &str = "identity";
}
