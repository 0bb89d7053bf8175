//! Objects in protobuf (`k8s.io/apimachinery/pkg/runtime/generated.proto`, `pkg/apis/meta/v1/generated.proto`).
//!
//! No kind is known here. The envelope names the kind, and field 1 of every kind is its `ObjectMeta`.

use super::ObjectMeta;
use crate::fields::{Field, Fields};

const MAGIC: &[u8] = b"k8s\0";
/// Most labels that are read. The API server has no limit but the object's size.
const LABELS: usize = 1000;

/// `runtime.Unknown`: what every stored object is wrapped in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Unknown<'v> {
    pub(super) api_version: &'v str,
    pub(super) kind: &'v str,
    /// The object, unless it is encoded once more.
    raw: &'v [u8],
}

impl<'v> Unknown<'v> {
    /// Reads the envelope. `None` when it is not one from end to end, or names no kind.
    pub(super) fn parse(value: &'v [u8]) -> Option<Self> {
        let mut unknown = Self::default();
        let mut encoded = false;
        for field in Fields::of(value.strip_prefix(MAGIC)?) {
            match field.ok()? {
                (1, Field::Bytes(meta)) => (unknown.api_version, unknown.kind) = type_meta(meta)?,
                (2, Field::Bytes(raw)) => unknown.raw = raw,
                (3, Field::Bytes(encoding)) => encoded = !encoding.is_empty(),
                (4, Field::Bytes(content)) => {
                    encoded |= !matches!(content, b"" | b"application/vnd.kubernetes.protobuf");
                }
                (1..=4, _) => return None,
                _ => {}
            }
        }
        if encoded {
            unknown.raw = &[];
        }
        (!unknown.kind.is_empty()).then_some(unknown)
    }

    /// The object's metadata; `None` when field 1 is no `ObjectMeta`.
    pub(super) fn meta(&self) -> Option<ObjectMeta> {
        let first = Fields::of(self.raw).next()?.ok()?;
        let (1, Field::Bytes(meta)) = first else {
            return None;
        };
        object_meta(meta)
    }
}

/// `runtime.TypeMeta`.
fn type_meta(message: &[u8]) -> Option<(&str, &str)> {
    let (mut api_version, mut kind) = ("", "");
    for field in Fields::of(message) {
        match field.ok()? {
            (1, Field::Bytes(text)) => api_version = std::str::from_utf8(text).ok()?,
            (2, Field::Bytes(text)) => kind = std::str::from_utf8(text).ok()?,
            _ => {}
        }
    }
    Some((api_version, kind))
}

/// `metav1.ObjectMeta`: name 1, namespace 3, uid 5, labels 11.
fn object_meta(message: &[u8]) -> Option<ObjectMeta> {
    let text = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let mut meta = ObjectMeta::default();
    for field in Fields::of(message) {
        match field.ok()? {
            (1, Field::Bytes(name)) => meta.name = text(name)?,
            (3, Field::Bytes(namespace)) => meta.namespace = text(namespace)?,
            (5, Field::Bytes(uid)) => meta.uid = text(uid)?,
            (11, Field::Bytes(entry)) if meta.labels.len() < LABELS => {
                let (key, value) = type_meta(entry)?;
                meta.labels.insert(key.into(), value.into());
            }
            (1 | 3 | 5 | 11, Field::Number(_) | Field::Fixed) => return None,
            _ => {}
        }
    }
    Some(meta)
}
