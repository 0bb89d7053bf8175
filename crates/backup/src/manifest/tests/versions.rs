//! Formats from the first to ones to come.

use super::*;

#[test]
fn every_manifest_of_the_museum_is_read_and_written_back_byte_for_byte() {
    for bytes in [MUSEUM_1_0, MUSEUM_1_0_MINIMAL, MUSEUM_1_1, MUSEUM_1_2] {
        let manifest = parse(bytes).unwrap();
        assert_eq!(
            String::from_utf8(manifest.to_bytes().unwrap()).unwrap(),
            String::from_utf8(bytes.to_vec()).unwrap()
        );
        assert_eq!(manifest.location().unwrap().manifest_key(), KEY);
    }
}

#[test]
fn what_format_1_1_added_is_read_there_and_refused_where_the_manifest_says_1_0() {
    let mut value: Value = serde_json::from_slice(MUSEUM_1_1).unwrap();
    let manifest = parse_value(&value).unwrap();
    assert_eq!(manifest.etcd.members, Some(3));
    let object = manifest.etcd_snapshot.unwrap();
    assert_eq!(object.name, "prod-20261123-0600");
    for (pointer, bad) in [
        ("/etcd/members", json!(0)),
        ("/etcd/members", json!(-3)),
        ("/etcdSnapshot/name", json!("../prod")),
        ("/etcdSnapshot/name", json!("")),
        ("/etcdSnapshot/uid", Value::Null),
        ("/etcdSnapshot", json!("prod")),
    ] {
        let mut value = value.clone();
        *value.pointer_mut(pointer).unwrap() = bad.clone();
        assert!(parse_value(&value).is_err(), "{pointer} = {bad}");
    }
    value["format"] = json!("1.0");
    let refused = |value: &Value| matches!(parse_value(value), Err(ManifestError::Field { what, .. }) if what.starts_with("newer"));
    assert!(refused(&value));
    value.as_object_mut().unwrap().remove("etcdSnapshot");
    assert!(refused(&value));
    value["etcd"].as_object_mut().unwrap().remove("members");
    parse_value(&value).unwrap();
}

#[test]
fn what_format_1_2_added_is_read_there_and_refused_where_the_manifest_says_1_1() {
    let mut value: Value = serde_json::from_slice(MUSEUM_1_2).unwrap();
    assert!(parse_value(&value).unwrap().etcd.corrupt_alarm);
    value["format"] = json!("1.1");
    assert!(parse_value(&value).is_err());
}

#[test]
fn an_unknown_field_is_refused_in_our_own_format_and_ignored_in_a_newer_minor_one() {
    for pointer in [
        "",
        "/snapshot",
        "/object",
        "/object/compression",
        "/plan",
        "/etcd",
        "/times",
    ] {
        let mut value = value();
        value.pointer_mut(pointer).unwrap()["later"] = json!({"any": [1, "thing"]});
        assert_eq!(
            parse_value(&value),
            Err(ManifestError::UnknownField(FormatVersion { major: 1, minor: 0 })),
            "{pointer}"
        );
        value["format"] = json!("1.2");
        assert_eq!(
            parse_value(&value),
            Err(ManifestError::UnknownField(FormatVersion::CURRENT)),
            "{pointer}"
        );
        value["format"] = json!("1.7");
        let read = parse_value(&value).unwrap();
        assert_eq!(read.revision, 154);
    }
}

#[test]
fn another_major_format_is_refused_whatever_else_it_holds() {
    let newer = FormatVersion { major: 2, minor: 0 };
    assert_eq!(
        with("/format", json!("2.0")),
        Err(ManifestError::UnknownFormat(newer))
    );
    assert_eq!(
        parse(br#"{"format":"2.0"}"#),
        Err(ManifestError::UnknownFormat(newer))
    );
    assert!(matches!(
        with("/format", json!("0.9")),
        Err(ManifestError::UnknownFormat(_))
    ));
    for text in ["1", "1.", ".0", "01.0", "1.0.0", "+1.0", "1.00", "1.65536", ""] {
        assert!(
            matches!(
                with("/format", json!(text)),
                Err(ManifestError::Field { field: "format", .. })
            ),
            "{text}"
        );
    }
    assert!(matches!(
        with("/format", json!(1)),
        Err(ManifestError::Field { field: "format", .. })
    ));
}
