//! The manifest as it is read and written, as sentences.

mod versions;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::layout::PlanKey;

/// The first manifest ever written in format 1.0. It must be readable for ever: never edit it.
const MUSEUM_1_0: &[u8] = include_bytes!("../museum/1.0.json");
/// The first manifest ever written in format 1.1: never edit it either.
const MUSEUM_1_1: &[u8] = include_bytes!("../museum/1.1.json");
/// The first manifest ever written in format 1.2: never edit it either.
const MUSEUM_1_2: &[u8] = include_bytes!("../museum/1.2.json");
/// A manifest with every optional field left out.
const MUSEUM_1_0_MINIMAL: &[u8] = include_bytes!("../museum/1.0-minimal.json");
const KEY: &str = "kube-system/prod/cdf818194e3a8c32/20261123T060000Z-k3v7qa2m/manifest.json";

fn plan() -> PlanKey {
    PlanKey::new("kube-system", "prod").unwrap()
}

fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    Manifest::parse(bytes, &plan(), KEY)
}

fn value() -> Value {
    serde_json::from_slice(MUSEUM_1_0).unwrap()
}

fn parse_value(value: &Value) -> Result<Manifest, ManifestError> {
    parse(&serde_json::to_vec(value).unwrap())
}

/// The museum piece with one field, given as a JSON pointer, set to something else.
fn with(pointer: &str, new: Value) -> Result<Manifest, ManifestError> {
    let mut value = value();
    *value.pointer_mut(pointer).unwrap() = new;
    parse_value(&value)
}

#[test]
fn a_manifest_says_what_the_museum_piece_says() {
    let manifest = parse(MUSEUM_1_0).unwrap();
    assert_eq!(manifest.revision, 154);
    assert_eq!(manifest.snapshot.hash, 635_300_773);
    assert_eq!(manifest.etcd.member_id.to_string(), "00f818194e3a8c32");
    assert_eq!(manifest.object.compression, Compression::Zstd { level: 1 });
    assert_eq!(manifest.object.form().file_name(), "snapshot.db.zst.age");
    assert_eq!(manifest.verification.level, Level::Readback);
}

#[test]
fn a_manifest_that_lies_elsewhere_than_it_says_is_refused() {
    let swap =
        |from: &str, to: &str| Manifest::parse(MUSEUM_1_0, &plan(), &KEY.replace(from, to)).unwrap_err();
    assert_eq!(
        swap("cdf818194e3a8c32", "cdf818194e3a8c33"),
        ManifestError::Misplaced("etcd cluster id")
    );
    assert_eq!(swap("k3v7qa2m", "k3v7qa2a"), ManifestError::Misplaced("run id"));
    assert_eq!(swap("/prod/", "/prod-2/"), ManifestError::ForeignKey);
    let other = PlanKey::new("kube-system", "prod-2").unwrap();
    let error = Manifest::parse(MUSEUM_1_0, &other, &KEY.replace("/prod/", "/prod-2/")).unwrap_err();
    assert_eq!(error, ManifestError::Misplaced("plan's name"));
}

#[test]
fn a_field_that_appears_twice_is_refused_at_any_depth() {
    let text = String::from_utf8(MUSEUM_1_0.to_vec()).unwrap();
    for (once, twice) in [
        ("\"revision\": 154", "\"revision\": 154, \"revision\": 154"),
        ("\"hash\": 635300773", "\"hash\": 1, \"hash\": 635300773"),
        (
            "\"format\": \"1.0\"",
            "\"format\": \"1.0\", \"form\\u0061t\": \"1.0\"",
        ),
    ] {
        assert!(text.contains(once));
        assert_eq!(
            parse(text.replacen(once, twice, 1).as_bytes()),
            Err(ManifestError::DuplicateField),
            "{twice}"
        );
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (pointer, bad) in [
        ("/snapshot/size", json!(-1)),
        ("/snapshot/size", json!(0)),
        ("/snapshot/size", json!(9_223_372_036_854_775_808_u64)),
        ("/snapshot/size", json!(1.5)),
        ("/snapshot/size", json!("2560032")),
        ("/snapshot/size", Value::Null),
        ("/snapshot/hash", json!(4_294_967_296_u64)),
        ("/snapshot/sha256", json!("AB")),
        ("/snapshot/sha256", json!("A".repeat(64))),
        ("/object/sha256", json!("g".repeat(64))),
        ("/object/crc64nvme", json!("0x00000000000001")),
        ("/object/crc64nvme", json!("+000000000000001")),
        ("/object/size", json!(0)),
        ("/object/file", json!("../../secrets")),
        ("/object/file", json!("snapshot.db")),
        ("/object/compression/level", json!(22)),
        ("/object/compression/type", json!("Gzip")),
        ("/object/encryption/recipients", json!([])),
        ("/object/versionId", Value::Null),
        ("/revision", json!(0)),
        ("/revision", json!(-5)),
        ("/compactRevision", json!(-1)),
        ("/etcd/clusterId", json!("cdf818194e3a8c3")),
        ("/etcd/raftIndex", json!(-1)),
        ("/times/started", json!("2026-11-23T06:00:01Z")),
        ("/times/started", json!("yesterday")),
        ("/runId", json!("../../x")),
        ("/verification/level", json!("None")),
        ("/trigger", json!("schedule")),
        ("/degraded", json!("no")),
    ] {
        assert!(with(pointer, bad.clone()).is_err(), "{pointer} = {bad}");
    }
}

#[test]
fn what_is_not_json_is_refused_without_a_panic() {
    let deep = "[".repeat(60_000);
    let endless_number = format!("{{\"revision\": {}}}", "9".repeat(60_000));
    for bad in [
        &b""[..],
        b"{",
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe",
        b"{\"format\":\"1.0\"}",
        b"{\"format\":NaN}",
        deep.as_bytes(),
        endless_number.as_bytes(),
    ] {
        assert!(parse(bad).is_err());
    }
    assert_eq!(parse(&vec![b' '; MAX_BYTES + 1]), Err(ManifestError::TooLarge));
    let trailing = [MUSEUM_1_0, b"{}"].concat();
    assert!(parse(&trailing).is_err(), "something after the manifest");
}

#[test]
fn an_error_never_repeats_what_a_manifest_said() {
    let canary = "c4n4ry\u{1b}[2J";
    for pointer in [
        "/format",
        "/revision",
        "/object/file",
        "/runId",
        "/trigger",
        "/snapshot/sha256",
    ] {
        let error = with(pointer, json!(canary)).unwrap_err();
        assert!(
            !error.to_string().contains("c4n4ry") && !format!("{error:?}").contains("c4n4ry"),
            "{error}"
        );
    }
    let error = parse(format!("{{\"{canary}\":1,\"{canary}\":2}}").as_bytes()).unwrap_err();
    assert!(!error.to_string().contains("c4n4ry"), "{error}");
}

#[test]
fn a_manifest_that_could_not_be_read_back_is_not_written() {
    let mut manifest = parse(MUSEUM_1_0).unwrap();
    manifest.etcd.member_name = "m".repeat(MAX_BYTES);
    assert_eq!(manifest.to_bytes(), Err(ManifestError::TooLarge));
    let mut manifest = parse(MUSEUM_1_0).unwrap();
    manifest.object.file = "snapshot.db".into();
    assert!(matches!(
        manifest.to_bytes(),
        Err(ManifestError::Field {
            field: "object.file",
            ..
        })
    ));
}

proptest! {
    #[test]
    fn a_manifest_cut_short_is_always_refused(cut in 0..MUSEUM_1_0.len() - 1) {
        prop_assert!(parse(&MUSEUM_1_0[..cut]).is_err());
    }

    #[test]
    fn a_flipped_byte_is_refused_or_read_as_something_that_is_written_the_same(at in 0..MUSEUM_1_0.len(), flip in 1_u8..=255) {
        let mut bytes = MUSEUM_1_0.to_vec();
        bytes[at] ^= flip;
        if let Ok(manifest) = parse(&bytes) {
            let again = manifest.to_bytes().unwrap();
            prop_assert_eq!(parse(&again).unwrap(), manifest);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(parse(&bytes).is_err());
    }
}
