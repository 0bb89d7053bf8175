//! The types and their text.

use chrono::{TimeZone, Utc};
use etcd_backup_api::cases::{self, Outcome};
use etcd_backup_api::{
    Compression, CompressionType, Duration, EtcdBackup, EtcdBackupStatus, EtcdRestore, EtcdRestoreStatus,
    EtcdSnapshot, EtcdSnapshotStatus, LastSuccess, LocalStorage, MemberPhase, MemberStatus, ObservedEtcd,
    PinnedSource, RestorePhase, RestoreProgress, RestoreStage, SnapshotPhase, StorageSpec, StoredObject,
};
use kube::core::cel::apply_defaults;
use serde_json::{Value, json};

use super::{schema, structural};

fn round_trip(kind: &str, object: &Value) -> Result<Value, serde_json::Error> {
    match kind {
        "EtcdBackup" => serde_json::to_value(serde_json::from_value::<EtcdBackup>(object.clone())?),
        "EtcdSnapshot" => serde_json::to_value(serde_json::from_value::<EtcdSnapshot>(object.clone())?),
        _ => serde_json::to_value(serde_json::from_value::<EtcdRestore>(object.clone())?),
    }
}

#[test]
fn every_object_that_is_taken_reads_and_writes_without_loss() {
    for case in cases::all()
        .unwrap()
        .into_iter()
        .filter(|case| matches!(case.outcome, Outcome::Taken(_)))
    {
        let served = apply_defaults(&schema(case.kind), &case.object);
        assert_eq!(round_trip(case.kind, &served).unwrap(), served, "{}", case.that);
    }
}

#[test]
fn the_types_have_the_defaults_of_the_schema() {
    for case in cases::all()
        .unwrap()
        .into_iter()
        .filter(|case| matches!(case.outcome, Outcome::Taken(_)))
    {
        let served = apply_defaults(&schema(case.kind), &case.object);
        assert_eq!(
            round_trip(case.kind, &case.object).unwrap(),
            served,
            "{}",
            case.that
        );
    }
}

#[test]
fn an_empty_status_is_written_as_nothing_but_its_phase() {
    assert_eq!(
        serde_json::to_value(EtcdBackupStatus::default()).unwrap(),
        json!({})
    );
    assert_eq!(
        serde_json::to_value(EtcdSnapshotStatus::default()).unwrap(),
        json!({ "phase": "Pending" })
    );
    assert_eq!(
        serde_json::to_value(EtcdRestoreStatus::default()).unwrap(),
        json!({ "phase": "Pending" })
    );
    assert_eq!(
        serde_json::from_value::<EtcdSnapshotStatus>(json!({})).unwrap(),
        EtcdSnapshotStatus::default()
    );
}

#[test]
fn a_status_that_the_operator_writes_fits_its_own_schema() {
    let time = Utc.timestamp_opt(1_795_413_600, 123_456_789).unwrap();
    let backup = EtcdBackupStatus {
        observed_generation: Some(3),
        last_success: Some(LastSuccess {
            snapshot: "prod-20261123t0600z".into(),
            time,
            revision: 42,
            size: u64::from(u32::MAX),
        }),
        next_run: Some(time),
        etcd: Some(ObservedEtcd {
            cluster_id: "cdf818194e3a8c32".into(),
            version: None,
            members: Some(3),
        }),
        ..Default::default()
    };
    let value = serde_json::to_value(&backup).unwrap();
    assert_eq!(
        value["nextRun"], "2026-11-23T06:00:00Z",
        "whole seconds, as Kubernetes writes them"
    );
    assert_eq!(value["etcd"]["clusterID"], "cdf818194e3a8c32");
    assert_eq!(
        structural::complaints(&schema("EtcdBackup")["properties"]["status"], &value, "status"),
        Vec::<String>::new()
    );

    let snapshot = EtcdSnapshotStatus {
        phase: SnapshotPhase::Succeeded,
        run_id: Some("20261123T060000Z-abcdefgh".into()),
        object: Some(StoredObject {
            version_id: Some("v1".into()),
            ..Default::default()
        }),
        completion_time: Some(time),
        ..Default::default()
    };
    let value = serde_json::to_value(&snapshot).unwrap();
    assert_eq!(value["object"]["versionID"], "v1");
    assert_eq!(value["runID"], "20261123T060000Z-abcdefgh");
    assert_eq!(
        structural::complaints(&schema("EtcdSnapshot")["properties"]["status"], &value, "status"),
        Vec::<String>::new()
    );
}

#[test]
fn the_status_of_a_restore_fits_its_own_schema() {
    let time = Utc.timestamp_opt(1_795_413_600, 0).unwrap();
    let status = EtcdRestoreStatus {
        phase: RestorePhase::Preparing,
        source: Some(PinnedSource {
            url: "file:///backups/default/prod/snapshot.db".into(),
            key: "default/prod/snapshot.db".into(),
            storage: StorageSpec {
                s3: None,
                local: Some(LocalStorage {
                    path: "/backups".into(),
                }),
            },
            run_id: "20261123T060000Z-abcdefgh".into(),
            version_id: Some("v1".into()),
            sha256: "0".repeat(64),
            size: 10,
            snapshot_size: 20,
            snapshot_sha256: "00".into(),
            revision: 42,
            cluster_id: "cdf818194e3a8c32".into(),
            taken: time,
            encrypted: true,
        }),
        members: vec![MemberStatus {
            name: "m0".into(),
            phase: MemberPhase::Prepared,
            progress: Some(RestoreProgress {
                stage: RestoreStage::Building,
                bytes: 1,
                total: Some(2),
            }),
            hash_kv: Some(7),
            member_id: Some("1".into()),
            ..Default::default()
        }],
        start_time: Some(time),
        ..Default::default()
    };
    let value = serde_json::to_value(&status).unwrap();
    assert_eq!(value["source"]["runID"], "20261123T060000Z-abcdefgh");
    assert_eq!(value["members"][0]["hashKV"], 7);
    assert_eq!(
        structural::complaints(&schema("EtcdRestore")["properties"]["status"], &value, "status"),
        Vec::<String>::new()
    );
}

#[test]
fn the_status_of_drills_fits_its_own_schema() {
    let status = json!({
        "lastRestorable": {
            "snapshot": "prod-1", "runID": "20261123T060000Z-abcdefgh", "snapshotTime": "2026-11-23T06:00:00Z",
            "time": "2026-11-23T07:00:00Z", "revision": 42,
        },
        "drill": {
            "running": {
                "snapshot": "prod-2", "job": "prod-drill-0a1b2c3d", "startTime": "2026-11-23T08:00:00Z", "message": "waits",
                "source": {
                    "url": "file:///backups/ns/prod/x", "key": "ns/prod/x", "storage": {"local": {"path": "/backups"}},
                    "runID": "r", "sha256": "00", "size": 1, "snapshotSize": 2, "snapshotSHA256": "", "revision": 3,
                    "clusterID": "1", "taken": "2026-11-23T06:00:00Z", "encrypted": true,
                },
            },
            "last": {
                "snapshot": "prod-1", "runID": "20261123T060000Z-abcdefgh", "result": "Failed", "reason": "Integrity",
                "message": "it is damaged", "job": "prod-drill-4e5f6071", "startTime": "2026-11-23T06:59:00Z",
                "time": "2026-11-23T07:00:00Z", "hashKV": 7, "etcdVersion": "3.6.14",
            },
            "next": "2026-11-29T04:00:00Z", "lastSlot": "2026-11-22T04:00:00Z", "lastDrillNow": "once",
        },
    });
    let read: EtcdBackupStatus = serde_json::from_value(status.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), status);
    assert_eq!(
        structural::complaints(&schema("EtcdBackup")["properties"]["status"], &status, "status"),
        Vec::<String>::new()
    );
}

#[test]
fn the_level_of_compression_is_only_there_with_zstd() {
    assert_eq!(Compression::default().zstd_level(), Some(1));
    assert_eq!(
        Compression {
            kind: CompressionType::Zstd,
            level: Some(7)
        }
        .zstd_level(),
        Some(7)
    );
    assert_eq!(
        Compression {
            kind: CompressionType::None,
            level: None
        }
        .zstd_level(),
        None
    );
}

#[test]
fn a_malformed_duration_names_no_more_than_itself() {
    let error = serde_json::from_value::<Duration>(json!("soon")).unwrap_err();
    assert!(
        error.to_string().starts_with("not a duration: expected days"),
        "{error}"
    );
}
