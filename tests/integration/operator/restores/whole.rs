//! Whole restores of three members.

use std::fs::{self, File};

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdRestore, MemberPhase};
use kube::{ResourceExt, api::PostParams};
use serde_json::json;

use super::{
    disk::{holds_old, is_untouched, names, plant},
    members::Members,
    scene::{Scene, Ward},
};

#[tokio::test]
async fn three_members_are_restored_from_a_snapshot_by_name_and_etcd_holds_all_of_it() -> Result<()> {
    let scene = Scene::begin("restore-whole").await?;
    let before = scene.case.take("before", "prod").await?;
    let spec = scene.spec(&json!({"snapshotName": "before"}));
    let created = scene.create("whole", &spec).await?;
    let status = scene.succeeded("whole").await?;

    let snapshot = before.status.context("no status")?;
    let source = status.source.clone().context("no source")?;
    ensure!(Some(&source.run_id) == snapshot.run_id.as_ref(), "{source:?}");
    let revision = status.revision.context("no revision")?;
    ensure!(revision == source.revision + 1_000_000_000, "{revision}");
    let uid = created.uid().context("no UID")?;
    let aside = format!("member.replaced-{}", &uid.replace('-', "")[..8]);
    for (index, member) in status.members.iter().enumerate() {
        ensure!(member.phase == MemberPhase::Committed, "{member:?}");
        ensure!(member.previous.as_ref() == Some(&aside), "{member:?}");
        ensure!(member.bytes.is_some_and(|bytes| bytes > 10_000), "{member:?}");
        let data = scene.data(index);
        ensure!(names(&data) == ["member", &aside], "{:?}", names(&data));
        ensure!(holds_old(&data, &aside), "the old data of {index} is gone");
    }
    let hash = status.members[0].hash_kv.context("no HashKV")?;

    let token = status.initial_cluster_token.context("no token")?;
    let members = Members::start(&scene.places(), &token).await?;
    ensure!(members.hashes(revision).await? == [hash; 3]);
    members.hold_what(scene.subject).await?;

    // As a backup of the cluster's objects brings it back: with its metadata, and without its status.
    let metadata = scene.restores().get("whole").await?.metadata;
    let mut copy = EtcdRestore::new("came-back", created.spec.clone());
    copy.metadata.labels = metadata.labels;
    copy.metadata.annotations = metadata.annotations;
    scene.restores().create(&PostParams::default(), &copy).await?;
    let status = scene.failed("came-back").await?;
    ensure!(status.reason.as_deref() == Some("Copied"), "{}", json!(status));
    ensure!(
        names(&scene.data(0)) == ["member", &aside],
        "{:?}",
        names(&scene.data(0))
    );

    let began = scene.case.event("RestoreStarted", "whole").await?;
    ensure!(began.contains(&source.key), "{began}");
    scene.case.event("RestoreSucceeded", "whole").await?;
    let metrics = Ward::shared().await?.operator.metrics().await?;
    let counted = |line: &str| {
        let count = line.strip_prefix(r#"etcd_backup_restores_total{result="Succeeded",reason=""} "#);
        count.is_some_and(|count| count != "0")
    };
    ensure!(metrics.lines().any(counted), "{metrics}");
    scene.finish().await
}

#[tokio::test]
async fn one_member_that_cannot_be_prepared_leaves_the_old_data_of_all() -> Result<()> {
    let scene = Scene::begin("restore-one-fails").await?;
    scene.case.take("before", "prod").await?;
    // As etcd holds it while it runs.
    let database = File::open(scene.data(1).join("member/snap/db"))?;
    database.lock()?;
    scene
        .create("fails", &scene.spec(&json!({"snapshotName": "before"})))
        .await?;
    let status = scene.failed("fails").await?;
    ensure!(
        status.reason.as_deref() == Some("TargetInUse"),
        "{}",
        json!(status)
    );
    let message = status.message.unwrap_or_default();
    ensure!(
        message.contains("m1") && message.contains("the old data of every target is in place"),
        "{message}"
    );
    for index in 0..3 {
        ensure!(
            is_untouched(&scene.data(index)),
            "{:?}",
            names(&scene.data(index))
        );
    }
    // With that etcd stopped, another restore does it.
    drop(database);
    scene
        .create("again", &scene.spec(&json!({"snapshotName": "before"})))
        .await?;
    scene.succeeded("again").await?;
    scene.finish().await
}

#[tokio::test]
async fn data_that_is_there_is_refused_unless_it_may_go_aside() -> Result<()> {
    let scene = Scene::begin("restore-occupied").await?;
    scene.case.take("before", "prod").await?;
    let mut spec = scene.spec(&json!({"snapshotName": "before"}));
    spec["existingData"] = json!("Refuse");
    // One of three is enough to keep all as they are.
    fs::remove_dir_all(scene.data(0).join("member"))?;
    fs::remove_dir_all(scene.data(2).join("member"))?;
    scene.create("refused", &spec).await?;
    let status = scene.failed("refused").await?;
    ensure!(
        status.reason.as_deref() == Some("TargetNotEmpty"),
        "{}",
        json!(status)
    );
    ensure!(is_untouched(&scene.data(1)));
    ensure!(names(&scene.data(0)).is_empty() && names(&scene.data(2)).is_empty());
    scene.finish().await
}

#[tokio::test]
async fn a_directory_of_a_node_is_restored_where_the_administrator_allows_it() -> Result<()> {
    let scene = Scene::begin("restore-host-path").await?;
    scene.case.admit(None).await?;
    scene.case.take("before", "prod").await?;
    let spec = |path: &str| {
        json!({
            "source": {"snapshotName": "before"}, "existingData": "ReplaceAside", "bumpRevision": 0,
            "members": [{
                "name": "m0", "peerURLs": [format!("http://127.0.0.1:{}", scene.peers[0])],
                "target": {"hostPath": {"nodeName": "node", "path": path}},
            }],
        })
    };
    scene.create("forbidden", &spec("/etc/kubernetes")).await?;
    let refused = scene.failed("forbidden").await?;
    ensure!(
        refused.reason.as_deref() == Some("HostPathRefused"),
        "{}",
        json!(refused)
    );

    let data = scene.disk.directory("node", "/var/lib/etcd");
    plant(&data)?;
    scene.create("allowed", &spec("/var/lib/etcd")).await?;
    let status = scene
        .until("allowed", "it to be over", |status| status.phase.is_terminal())
        .await?;
    ensure!(status.members_done == Some(1), "{}", json!(status));
    let token = status.initial_cluster_token.context("no token")?;
    let place = ("m0".to_owned(), scene.peers[0], data);
    let members = Members::start(&[place], &token).await?;
    let revision = status.revision.context("no revision")?;
    let mut living = scene.subject.client().await?;
    let expected = living.hash_kv(revision).await?.hash();
    ensure!(members.hashes(revision).await? == [expected]);
    scene.finish().await
}
