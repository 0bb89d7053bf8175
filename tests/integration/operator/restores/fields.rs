//! Everything that a specification can say of the new cluster, at once, with what comes of it asked of real etcds.

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result, ensure};
use etcd_backup_api::RestorePhase;
use harness::{etcd::Version, ports, scratch};
use serde_json::{Value, json};

use super::{
    disk::is_untouched,
    members::{Members, Place},
    scene::Scene,
};
use crate::operator::{data, plan::Plan};

const TOKEN: &str = "chosen-by-hand";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_snapshot_is_restored_to_an_earlier_revision_for_a_version_under_a_token_of_ones_own()
-> Result<()> {
    let mut scene = Scene::begin("restore-fields").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut client = etcd.client().await?;
    let written = client.put("greeting", "earlier", None).await?;
    let earlier = written.header().context("a header")?.revision();
    client.put("greeting", "later", None).await?;
    client.put("only-later", "x", None).await?;

    let key = Identity::generate();
    let secret = key.to_string().expose_secret().to_owned();
    scene.case.identity = Some(secret.clone());
    scene.case.secret("identity", &[("identity", &secret)]).await?;
    let recipients = json!({"age": {"recipients": [key.to_public().to_string()]}});
    let plan = Plan::new("prod", &etcd, &scene.case).with("encryption", recipients);
    scene.case.apply(&plan).await?;
    scene.case.take("before", "prod").await?;

    let mut spec = scene.spec(&json!({"snapshotName": "before"}));
    refused(&scene, "sealed", &spec, "IdentityNeeded").await?;
    spec["decryption"] = json!({"secretName": "identity"});
    spec["targetVersion"] = json!("3.5");
    refused(&scene, "for-older", &spec, "NewerThanTarget").await?;
    spec["targetVersion"] = json!("3.6");
    spec["initialClusterToken"] = json!(TOKEN);
    spec["revision"] = json!(earlier + 1_000);
    refused(&scene, "beyond", &spec, "RevisionOutOfWindow").await?;
    for index in 0..3 {
        ensure!(is_untouched(&scene.data(index)), "member {index}");
    }

    spec["revision"] = json!(earlier);
    scene.create("all-at-once", &spec).await?;
    let status = scene.succeeded("all-at-once").await?;
    let source = status.source.context("no source")?;
    ensure!(source.encrypted && source.revision == earlier + 2, "{source:?}");
    // Raised from the last revision that was ever given out, and not from the one that was gone back to.
    let revision = status.revision.context("no revision")?;
    ensure!(revision == source.revision + 1_000_000_000, "{revision}");
    ensure!(status.initial_cluster_token.as_deref() == Some(TOKEN));

    let ids = ids_of_new_cluster(&scene).await?;
    let members = Members::start(&scene.places(), TOKEN).await?;
    let told = status.members.iter().map(|member| member.member_id.clone());
    ensure!(
        told.collect::<Option<Vec<_>>>().context("no ids")? == ids,
        "etcd itself gives {ids:?} for this token: {:?}",
        status.members
    );
    ensure!(members.ids().await? == ids);
    let hash = status.members[0].hash_kv.context("no HashKV")?;
    ensure!(members.hashes(revision).await? == [hash; 3]);
    ensure!(members.values("greeting").await? == vec![Some("earlier".to_owned()); 3]);
    ensure!(members.values("only-later").await? == vec![None; 3]);
    drop(members);
    scene.finish_with(&etcd).await
}

async fn refused(scene: &Scene, name: &str, spec: &Value, reason: &str) -> Result<()> {
    scene.create(name, spec).await?;
    let status = scene.failed(name).await?;
    ensure!(
        status.phase == RestorePhase::Failed && status.reason.as_deref() == Some(reason),
        "{}",
        json!(status)
    );
    Ok(())
}

/// What etcd itself gives members of these names, peer URLs and token that begin with nothing.
async fn ids_of_new_cluster(scene: &Scene) -> Result<Vec<String>> {
    let folder = scratch::folder("new-cluster")?;
    let place = |(name, peer, _): Place| (name.clone(), peer, folder.path().join(name));
    let places: Vec<Place> = scene.places().into_iter().map(place).collect();
    let clients: Vec<u16> = places.iter().map(|_| ports::free()).collect::<Result<_>>()?;
    let members = Members::start_at(&places, &clients, TOKEN, "new").await?;
    members.ids().await
}
