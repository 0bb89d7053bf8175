//! Objects in JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::ObjectMeta;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeMeta<'v> {
    #[serde(borrow)]
    api_version: Option<Cow<'v, str>>,
    #[serde(borrow)]
    kind: Option<Cow<'v, str>>,
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    namespace: String,
    name: String,
    uid: String,
    labels: BTreeMap<String, String>,
}

/// `apiVersion` and `kind` of a JSON object, as far as it has them; `None` when the value is no JSON object. An object
/// whose `apiVersion` or `kind` is no string is one that has neither.
pub(super) fn kind(value: &[u8]) -> Option<(Option<String>, Option<String>)> {
    if value.first() != Some(&b'{') {
        return None;
    }
    match serde_json::from_slice::<TypeMeta<'_>>(value) {
        Ok(object) => Some((
            object.api_version.map(Cow::into_owned),
            object.kind.map(Cow::into_owned),
        )),
        Err(error) if error.is_data() => Some((None, None)),
        Err(_) => None,
    }
}

/// `metadata` of a JSON object.
pub(super) fn meta(value: &[u8]) -> Option<ObjectMeta> {
    if value.first() != Some(&b'{') {
        return None;
    }
    let Meta {
        namespace,
        name,
        uid,
        labels,
    } = serde_json::from_slice::<Object>(value).ok()?.metadata;
    Some(ObjectMeta {
        namespace,
        name,
        uid,
        labels,
    })
}
