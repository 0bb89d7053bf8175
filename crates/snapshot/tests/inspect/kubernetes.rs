//! Values as Kubernetes' API server writes them.

use etcd_backup_bolt::varint;
use etcd_backup_snapshot::inspect::{ObjectMeta, ValueKind};
use proptest::collection::vec;
use proptest::prelude::*;

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint::write(&mut field, bytes.len() as u64);
    field.extend(bytes);
    field
}

/// An object in protobuf: the envelope and `ObjectMeta`, with fields before and behind those that are read.
pub(crate) fn protobuf(api_version: &str, kind: &str, namespace: &str, name: &str) -> Vec<u8> {
    let label = |key: &str, value: &str| {
        let entry = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
        field(11, &entry)
    };
    let meta = [
        field(1, name.as_bytes()),
        field(2, b""),
        field(3, namespace.as_bytes()),
        field(4, b""),
        field(5, b"0b5a6a1e-uid"),
        field(6, b""),
        vec![7 << 3, 1],
        field(8, &[8, 1]),
        label("app", "web"),
        label("tier", "front"),
    ]
    .concat();
    let raw = [field(1, &meta), field(2, b"the spec")].concat();
    let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    let unknown = [field(1, &type_meta), field(2, &raw), field(3, b""), field(4, b"")].concat();
    [b"k8s\0".to_vec(), unknown].concat()
}

pub(crate) fn json(api_version: &str, kind: &str, namespace: &str, name: &str) -> Vec<u8> {
    format!(
        r#"{{"apiVersion":"{api_version}","kind":"{kind}","metadata":{{"creationTimestamp":null,"name":"{name}","namespace":"{namespace}","uid":"u-1","labels":{{"a":"\u0062"}}}},"spec":{{"x":[1,2,{{}}]}}}}
"#
    )
    .into_bytes()
}

pub(crate) fn encrypted(provider: &str, key_name: &str, secret: &[u8]) -> Vec<u8> {
    [format!("k8s:enc:{provider}:v1:{key_name}:").as_bytes(), secret].concat()
}

pub(crate) fn cbor(content: &[u8]) -> Vec<u8> {
    [&[0xd9, 0xd9, 0xf7, 0xa1][..], content].concat()
}

fn as_json(value: &[u8]) -> String {
    serde_json::to_string(&ValueKind::of(value)).unwrap()
}

#[test]
fn each_encoding_is_told_with_what_it_names() {
    for (value, expected) in [
        (
            protobuf("apps/v1", "Deployment", "web", "front"),
            r#"{"encoding":"protobuf","apiVersion":"apps/v1","kind":"Deployment"}"#,
        ),
        (
            json("cert-manager.io/v1", "Certificate", "web", "tls"),
            r#"{"encoding":"json","apiVersion":"cert-manager.io/v1","kind":"Certificate"}"#,
        ),
        (b"{}".to_vec(), r#"{"encoding":"json"}"#),
        (br#"{"kind":5}"#.to_vec(), r#"{"encoding":"json"}"#),
        (cbor(b"x"), r#"{"encoding":"cbor"}"#),
        (
            encrypted("secretbox", "key2", b"\x00\xff"),
            r#"{"encoding":"encrypted","provider":"secretbox","keyName":"key2"}"#,
        ),
        (
            b"k8s:enc:kms:v2:vault:\x0a".to_vec(),
            r#"{"encoding":"encrypted","provider":"kms","keyName":"vault"}"#,
        ),
        (Vec::new(), r#"{"encoding":"empty"}"#),
        (b"12345".to_vec(), r#"{"encoding":"other"}"#),
        (b"{\"kind\":".to_vec(), r#"{"encoding":"other"}"#),
        (b"[{}]".to_vec(), r#"{"encoding":"other"}"#),
        (b"k8s\0".to_vec(), r#"{"encoding":"other"}"#),
    ] {
        assert_eq!(as_json(&value), expected, "{}", value.escape_ascii());
    }
}

#[test]
fn an_object_says_who_it_is() {
    let meta = ObjectMeta::of(&protobuf("v1", "Pod", "web", "front-1")).unwrap();
    assert_eq!(
        serde_json::to_string(&meta).unwrap(),
        r#"{"namespace":"web","name":"front-1","uid":"0b5a6a1e-uid","labels":{"app":"web","tier":"front"}}"#
    );
    let meta = ObjectMeta::of(&json("v1", "Thing", "web", "t")).unwrap();
    assert_eq!(
        serde_json::to_string(&meta).unwrap(),
        r#"{"namespace":"web","name":"t","uid":"u-1","labels":{"a":"b"}}"#
    );
    for value in [
        encrypted("aescbc", "k", b"x"),
        cbor(b"x"),
        b"{}".to_vec(),
        b"x".to_vec(),
        Vec::new(),
    ] {
        assert_eq!(ObjectMeta::of(&value), None);
    }
}

#[test]
fn an_object_encoded_once_more_is_not_looked_into() {
    let mut value = protobuf("v1", "Pod", "web", "front-1");
    value.truncate(value.len() - 4);
    value.extend([field(3, b"gzip"), field(4, b"")].concat());
    assert!(matches!(ValueKind::of(&value), ValueKind::Protobuf { .. }));
    assert_eq!(ObjectMeta::of(&value), None);
}

#[test]
fn a_protobuf_cut_short_anywhere_is_not_taken_for_whole() {
    let value = protobuf("v1", "Pod", "web", "front-1");
    // The last two fields are empty ones that need not be there.
    for length in (0..value.len()).filter(|length| ![value.len() - 2, value.len() - 4].contains(length)) {
        let cut = &value[..length];
        assert!(
            !matches!(ValueKind::of(cut), ValueKind::Protobuf { .. }) || ObjectMeta::of(cut).is_none(),
            "{length}"
        );
    }
}

#[test]
fn json_may_be_as_deep_as_it_likes() {
    let deep = [br#"{"kind":"A","x":"#.to_vec(), vec![b'['; 200_000]].concat();
    assert_eq!(ValueKind::of(&deep), ValueKind::Other);
    let closed = [deep, vec![b']'; 200_000], b"}".to_vec()].concat();
    assert_eq!(as_json(&closed), r#"{"encoding":"json","kind":"A"}"#);
    assert_eq!(ObjectMeta::of(&closed), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_value_makes_it_panic(noise in vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut values = vec![noise.clone()];
        for prefix in [&b"k8s\0"[..], b"{", b"k8s:enc:", b"\xd9\xd9\xf7"] {
            values.push([prefix, noise.as_slice()].concat());
        }
        for mut value in [
            protobuf("v1", "Pod", "web", "front-1"),
            json("v1", "Pod", "web", "front-1"),
            encrypted("aescbc", "key1", b"secret"),
        ] {
            let at = at.index(value.len());
            value[at] = byte;
            values.push(value);
        }
        for value in values {
            let _ = (ValueKind::of(&value), ObjectMeta::of(&value));
        }
    }
}
