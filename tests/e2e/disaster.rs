//! The control plane of the node itself: its etcd lost with all data, and brought back from the bucket by the commands of
//! docs/disaster-recovery.md, with nothing in Kubernetes to help.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use harness::{
    informer::Informer,
    machine::Machine,
    rig::Rig,
    runbook::{self, Shell},
    scratch,
};
use serde_json::{Value, json};
use xtask::image;

use crate::{case::Case, world::World};

/// Namespace and bucket of the case.
const NAME: &str = "dead-control-plane";

/// The last case: whatever was written after the backup is gone for those that come later.
pub(crate) async fn the_control_plane(world: &'static World) -> Result<()> {
    let case = Case::begin(world, NAME)?;
    let mut rig = world.rig.write().await;
    let rig = &mut *rig;
    let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
    case.etcd_secret(&tls.authority.pem(), &tls.client)?;
    case.plan("own", &rig.etcd.endpoints())?;
    case.take("first", "own").await?;
    case.apply(&[map("kept")])?;
    // With this one the plan knows which cluster it backs up.
    case.take("last", "own").await?;
    case.apply(&[map("lost")])?;
    let informer = Informer::start(rig.client().await?, NAME);
    informer.sees(&["kept", "lost"]).await?;

    out_of_the_image(rig).await?;
    bring_back(world, rig).await?;

    informer.sees(&["kept"]).await?;
    case.apply(&[map("written-afterwards")])?;
    informer.sees(&["kept", "written-afterwards"]).await?;
    world.rolled_out(Duration::from_secs(90))?;
    goes_on(&case, rig).await?;
    case.judge(rig.etcd.version).await?;
    case.end().await
}

/// How the program comes to a node from the image that is there.
async fn out_of_the_image(rig: &Rig) -> Result<()> {
    let folder = scratch::folder("program")?;
    let folder = folder.path().to_string_lossy();
    fs::create_dir(format!("{folder}/image"))?;
    let shell = Shell::plain()?
        .name("ctr --namespace", &format!("{} --namespace", rig.ctr()?))
        .name("REGISTRY/etcd-backup:0.1.0", image::DEFAULT_NAME)
        .name("etcd-backup /usr/local/bin/", &format!("etcd-backup {folder}/"))
        .name("/mnt", &format!("{folder}/image"));
    shell
        .run(&runbook::block("docs/disaster-recovery.md", "out-of-the-image")?)
        .await?;
    let version = shell.run(&format!("{folder}/etcd-backup version")).await?;
    ensure!(version.starts_with("etcd-backup "), "{version}");
    Ok(())
}

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": name}})
}

/// Runs what is to be typed after the loss of everything that etcd had.
async fn bring_back(world: &World, rig: &mut Rig) -> Result<()> {
    let machine = Machine::new()?.that_loses_data();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let member = rig.etcd.member(0);
    let shell = Shell::new(&world.gateway, None)?
        .tools(&machine.tools())
        .name("/etc/kubernetes/manifests", &text(&machine.manifests()))
        .name("/etc/kubernetes/admin.conf", &text(rig.server.admin_kubeconfig()))
        .name("/root/manifests", &text(&machine.aside()))
        // The store of the rig speaks plain http.
        .name("s3://backups/etcd", &format!("s3://{NAME}/backups --allow-http"))
        .name("kube-system/prod", &format!("{NAME}/own"))
        .name("/var/lib/etcd", &text(member.data()))
        .name("https://10.0.0.1:2380", &member.peer_url())
        .name("cp-1", &member.name);
    let [block] = runbook::blocks(["kubeadm"])?;
    tokio::select! {
        played = machine.play(member, Some(&mut rig.server)) => bail!("the machine ended: {played:?}"),
        done = shell.run(&block) => done.map(drop),
    }
}

/// The operator's pods were running all the time. They say that this is another cluster, and once a person has agreed, back
/// it up.
async fn goes_on(case: &Case, rig: &Rig) -> Result<()> {
    let id = rig.etcd.client().await?.status().await?;
    let id = id.header().context("a header")?.cluster_id();
    case.ask("stranger", "own")?;
    let status = case.over("stranger").await?;
    ensure!(
        status["phase"] == "Failed" && status["reason"] == "ClusterIdMismatch",
        "{status}"
    );
    let message = status["message"].as_str().unwrap_or_default();
    ensure!(message.contains(&format!("{id:016x}")), "{message}");
    let change = json!({"spec": {"etcd": {"clusterID": format!("{id:016x}")}}}).to_string();
    case.kubectl(&["patch", "etcdbackup/own", "--type=merge", "--patch", &change])?;
    let generation = case.kubectl(&[
        "get",
        "etcdbackup/own",
        "--output=jsonpath={.metadata.generation}",
    ])?;
    let seen = format!(
        "--for=jsonpath={{.status.observedGeneration}}={}",
        generation.trim()
    );
    case.kubectl(&["wait", "etcdbackup/own", &seen, "--timeout=60s"])?;
    case.take("afterwards", "own").await?;
    Ok(())
}
