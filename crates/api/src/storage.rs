//! Where the snapshots go.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::secret::SecretReference;

/// Where the snapshots go: exactly one of `s3` and `local`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.s3) != has(self.local)").message("set exactly one of s3 and local"))]
pub struct StorageSpec {
    /// A bucket of Amazon S3 or of any server that speaks its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Storage>,

    /// A directory that the operator has mounted, for instance a volume or an NFS share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalStorage>,
}

/// A bucket that speaks the S3 protocol. It must exist; the operator never creates one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.endpoint) || !self.endpoint.startsWith('http://') || self.allowHTTP")
        .message("an http:// endpoint sends everything unencrypted: set allowHTTP to true if you mean it"),
    validation = Rule::new("!has(self.tls) || (has(self.endpoint) && self.endpoint.startsWith('https://'))")
        .message("tls needs an https:// endpoint")
)]
pub struct S3Storage {
    /// Name of the bucket, 3 to 63 characters.
    #[schemars(
        length(min = 3, max = 63),
        regex(pattern = "^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")
    )]
    #[x_kube(validation = Rule::new("!self.contains('..')").message("a bucket name has no two dots in a row"))]
    pub bucket: String,

    /// Where in the bucket: everything is stored below `<prefix>/<namespace>/<plan>/`. Lower-case
    /// letters, digits, `.`, `_`, `-` and `/`, at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 255),
        regex(pattern = "^[a-z0-9]([a-z0-9._/-]{0,253}[a-z0-9])?$")
    )]
    #[x_kube(validation = Rule::new("!self.contains('..') && !self.contains('//') && !self.contains('/./')")
        .message("a prefix has no empty part and no part that is . or .."))]
    pub prefix: Option<String>,

    /// Region of the bucket, for instance `eu-central-1`. Without it: `us-east-1` when there is an
    /// endpoint (most other servers expect that), else the region of the operator's own
    /// environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$")
    )]
    pub region: Option<String>,

    /// URL of a server other than Amazon's, for instance `https://minio.example.com:9000`, without
    /// path, query or credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 8, max = 512),
        regex(
            pattern = r"^https?://([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?/?$"
        )
    )]
    pub endpoint: Option<String>,

    /// Write the bucket into the path of a request (`https://host/bucket/key`) instead of the host
    /// name. Without this field: yes with an endpoint, no without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_path_style: Option<bool>,

    /// A Secret with the keys `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, and
    /// `AWS_SESSION_TOKEN` for temporary ones. Without it the operator's own identity is used (a
    /// role of its service account or of its machine), which is only sent to Amazon and to
    /// endpoints that the administrator has listed, and to none when the operator runs with
    /// `--ambient-credentials=false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<SecretReference>,

    /// A Secret whose key `ca.crt` holds the authority, in PEM, that signed the endpoint's
    /// certificate. It takes the place of the system's authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<SecretReference>,

    /// Storage class of the objects, for instance `STANDARD_IA`. Archive classes that must be
    /// thawed before reading are not useful here: the snapshot is read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Z][A-Z0-9_]*$"))]
    pub storage_class: Option<String>,

    /// Encryption that the server does. Whoever may read the object still reads plain text; see
    /// `encryption` for the other kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_side_encryption: Option<ServerSideEncryption>,

    /// Let nobody delete a snapshot before its time. The bucket must have been created with Object
    /// Lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<ObjectLock>,

    /// Whether checksum headers go with every request. `WhenRequired` is for old servers that
    /// refuse headers they do not know.
    #[serde(default)]
    pub checksums: ChecksumPolicy,

    /// Allow an endpoint that begins with http://. Data and signatures then travel unencrypted.
    #[serde(default, rename = "allowHTTP")]
    pub allow_http: bool,
}

/// Encryption that the server does when it writes an object to its disks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'KMS' || !has(self.kmsKeyID)").message("kmsKeyID is only for type KMS"))]
pub struct ServerSideEncryption {
    /// `AES256`: keys of the store itself (SSE-S3). `KMS`: a key of the key management service
    /// (SSE-KMS).
    #[serde(rename = "type")]
    pub kind: ServerSideEncryptionType,

    /// Id, ARN or alias of the key. Without it, the bucket's default key.
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = "^[A-Za-z0-9:/_.+=,@-]+$"))]
    pub kms_key_id: Option<String>,
}

/// Kinds of encryption at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum ServerSideEncryptionType {
    /// SSE-S3.
    #[serde(rename = "AES256")]
    Aes256,
    /// SSE-KMS.
    #[serde(rename = "KMS")]
    Kms,
}

/// How long and how strictly an object is protected from deletion.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectLock {
    /// `GOVERNANCE`: those with a special permission can still delete. `COMPLIANCE`: nobody can,
    /// not even the owner of the account.
    pub mode: ObjectLockMode,

    /// How long from the moment of writing, at least one day: `30d`. Retention keeps a locked
    /// snapshot until its lock has ended, and says so. A deletion by request before that is refused;
    /// in a bucket with versions, as Amazon demands for Object Lock, the backup then leaves the
    /// listing and its locked versions stay.
    #[x_kube(validation = Rule::new("self.matches('^0*[1-9][0-9]*d')").message("retainFor must be at least one day, such as 30d"))]
    pub retain_for: Duration,
}

/// Modes of Object Lock, in S3's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "UPPERCASE")]
pub enum ObjectLockMode {
    /// Can be lifted with a special permission.
    Governance,
    /// Cannot be lifted.
    Compliance,
}

/// When checksum headers are sent, in the words of Amazon's SDKs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum ChecksumPolicy {
    /// With every request that can carry one.
    #[default]
    WhenSupported,
    /// Only where the protocol demands one.
    WhenRequired,
}

/// A directory, as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalStorage {
    /// Absolute path of a directory that is mounted into the operator and that the administrator
    /// has allowed. It must exist. Snapshots go below `<path>/<namespace>/<plan>/`.
    #[schemars(length(min = 2, max = 1024), regex(pattern = "^(/[A-Za-z0-9._-]+)+$"))]
    #[x_kube(validation = Rule::new("!self.matches('/[.]{1,2}(/|$)')").message("a path has no part that is . or .."))]
    pub path: String,
}
