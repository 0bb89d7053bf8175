//! An etcd inside another program, as K3s has it.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Start, Version},
    etcdutl::{self, Membership},
    informer::Informer,
    runbook,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::plane::{Plane, put};

/// What K3s tells its etcd beyond names, addresses and certificates.
const K3S: [&str; 3] = [
    "--heartbeat-interval=500",
    "--election-timeout=5000",
    "--snapshot-count=10000",
];

/// K3s itself cannot run here. What it does with the file is done by hand, with etcd's own tool, whose library is in K3s: its
/// data, `server/db/etcd`, is renamed to `etcd-old-<time>`, the file is restored there, a first etcd makes a cluster of one of
/// it (`--cluster-reset`) and ends, and a second one serves.
///
/// K3s keeps revisions, so an informer of before may go on as if nothing had been, and miss changes. The document has it
/// started again, and that is done here.
#[tokio::test]
async fn what_is_fetched_is_restored_as_k3s_does_and_the_api_server_comes_back_with_its_old_objects()
-> Result<()> {
    let k3s = Etcd::start(Version::V3_6).data_in("server/db/etcd");
    let k3s = K3S.into_iter().fold(k3s, Start::arg);
    let mut plane = Plane::start(k3s).await?;
    let (client, etcd) = (&plane.client, &plane.etcd);
    put(client, "newest", "in the newest backup only").await?;
    plane.bucket.back_up(etcd).await?;
    put(client, "newer", "than all backups").await?;
    let before = etcd.client().await?.status().await?;
    let before = before.header().context("a header")?.revision();
    // systemctl stop k3s
    drop(plane.informer);
    plane.server.process().kill()?;
    let member = etcd.member(0);
    member.stop().await?;

    let file = etcd.folder().join("snapshot.db");
    let shell = plane
        .bucket
        .shell()?
        .name("/root/snapshot.db", &file.to_string_lossy());
    let [block] = runbook::blocks(["embedded"])?;
    shell.run(&block).await?;

    // k3s server --cluster-reset --cluster-reset-restore-path=/root/snapshot.db
    fs::rename(member.data(), member.data().with_file_name("etcd-old-1764072000"))?;
    let initial = format!("{}={}", member.name, member.peer_url());
    let membership = Membership {
        name: &member.name,
        initial_cluster: &initial,
        token: "etcd-cluster",
        peer_url: &member.peer_url(),
    };
    etcdutl::restore(Version::V3_6, &file, member.data(), &membership)?;
    member.start_with(&["--force-new-cluster"]).await?;
    member.stop().await?;
    // systemctl start k3s
    member.start().await?;
    plane.server.start_again().await?;

    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    ensure!(maps.get_opt("newer").await?.is_none());
    let informer = Informer::start(client.clone(), "default");
    informer.sees(&["kept", "lost", "newest"]).await?;
    put(client, "written-afterwards", "x").await?;
    informer
        .sees(&["kept", "lost", "newest", "written-afterwards"])
        .await?;
    let after = etcd.client().await?.status().await?;
    let after = after.header().context("a header")?.revision();
    ensure!(
        after < before + 1_000_000,
        "revisions were raised from {before} to {after}: the document says otherwise"
    );
    Ok(())
}
