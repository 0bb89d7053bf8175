//! What Kubernetes keeps in etcd: told by the key and by the first bytes of the value.

mod encrypted;
mod json;
mod kinds;
mod path;
mod protobuf;

use std::collections::BTreeMap;

use serde::Serialize;

pub(super) use kinds::{KindId, Kinds};
pub use path::KubernetesPath;
pub(super) use path::resource;

/// In what form a value is stored, and what it says it is. Of Kubernetes' objects these are the ones that its API server
/// writes (`k8s.io/apimachinery/pkg/runtime/serializer`, `k8s.io/apiserver/pkg/storage/value`); anything else is `Other`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "encoding", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum ValueKind {
    /// No bytes.
    Empty,
    /// `k8s\0` and a `runtime.Unknown`, which is how built-in kinds are stored.
    Protobuf {
        /// Group and version, as in a manifest.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// A JSON object, which is how custom resources are stored.
    Json {
        /// Group and version, if it has them.
        #[serde(skip_serializing_if = "Option::is_none")]
        api_version: Option<String>,
        /// The kind, if it has one.
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    },
    /// CBOR, marked as such (RFC 8949 §3.4.6). It is not decoded.
    Cbor,
    /// Encrypted at rest by the API server. It is never decrypted here.
    Encrypted {
        /// How: `aescbc`, `aesgcm`, `secretbox`, `kms` or what else stands there.
        provider: String,
        /// The key's name in the encryption configuration, or the plugin's for `kms`.
        #[serde(skip_serializing_if = "Option::is_none")]
        key_name: Option<String>,
    },
    /// Anything else.
    Other,
}

/// An object's own account of itself (`metav1.ObjectMeta`), as far as it is needed to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Its namespace; "" when it belongs to none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its unique identifier.
    pub uid: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// CBOR's tag 55799, "self-described".
const CBOR: &[u8] = &[0xd9, 0xd9, 0xf7];

/// A value, its kind told without copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told<'v> {
    Empty,
    Protobuf(&'v str, &'v str),
    Cbor,
    Encrypted(&'v str, Option<&'v str>),
    Other,
}

/// Tells all but JSON, which has to be read to its end.
fn tell(value: &[u8]) -> Told<'_> {
    if value.is_empty() {
        return Told::Empty;
    }
    if let Some(object) = protobuf::Unknown::parse(value) {
        return Told::Protobuf(object.api_version, object.kind);
    }
    if value.starts_with(CBOR) {
        return Told::Cbor;
    }
    match encrypted::parse(value) {
        Some((provider, key_name)) => Told::Encrypted(provider, key_name),
        None => Told::Other,
    }
}

impl ValueKind {
    /// Tells what a value is. Costs no more than reading it once; what is malformed is `Other`.
    pub fn of(value: &[u8]) -> Self {
        match tell(value) {
            Told::Empty => Self::Empty,
            Told::Protobuf(api_version, kind) => Self::Protobuf {
                api_version: api_version.into(),
                kind: kind.into(),
            },
            Told::Cbor => Self::Cbor,
            Told::Encrypted(provider, key_name) => Self::Encrypted {
                provider: provider.into(),
                key_name: key_name.map(Into::into),
            },
            Told::Other => json::kind(value).map_or(Self::Other, |(api_version, kind)| Self::Json {
                api_version,
                kind,
            }),
        }
    }
}

impl ObjectMeta {
    /// Reads the metadata of an object stored as protobuf or JSON; `None` for anything else.
    pub fn of(value: &[u8]) -> Option<Self> {
        match protobuf::Unknown::parse(value) {
            Some(object) => object.meta(),
            None => json::meta(value),
        }
    }
}

/// The provider and the key's name, if a value is encrypted.
pub(super) fn encryption(value: &[u8]) -> Option<(&str, Option<&str>)> {
    encrypted::parse(value)
}
