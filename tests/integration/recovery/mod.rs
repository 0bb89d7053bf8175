//! docs/disaster-recovery.md, executed as written, block by block. What the test plays is what starts, stops and lists
//! processes: the kubelet, which looks at the manifests of static pods, crictl, and systemd.

mod k3s;
mod plane;

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Member, Version},
    machine::Machine,
    runbook::{self, Shell},
    scratch,
};

use plane::Plane;

/// The backup that the document restores where several machines must restore the same.
const EXAMPLE: &str = "s3://backups/etcd/kube-system/prod/cdf818194e3a8c32/20261123T060000Z-abcdefgh";

/// The names that the document has and its machine number `index` has here.
fn on(plane: &Plane, machine: &Machine, index: usize) -> Result<Shell> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let members = plane.etcd.members();
    let own = &members[index];
    let shell = plane
        .bucket
        .shell()?
        .tools(&machine.tools())
        .name("/etc/kubernetes/manifests", &text(&machine.manifests()))
        .name("/root/manifests", &text(&machine.aside()))
        .name("/var/lib/etcd", &text(own.data()));
    let members = members.iter().enumerate();
    Ok(members.fold(shell, |shell, (number, member)| {
        shell.name(&format!("https://10.0.0.{}:2380", number + 1), &member.peer_url())
    }))
}

/// Pastes a block on every machine, and waits until it is done on all.
async fn on_all(shells: &[Shell], block: &str) -> Result<Vec<String>> {
    try_join_all(shells.iter().map(|shell| shell.run(block))).await
}

/// How many directories were renamed aside beside a member's.
fn set_aside(member: &Member) -> Result<usize> {
    let folder = member.data().parent().context("a folder")?;
    let name = format!("{}.replaced-", member.name);
    let entries = fs::read_dir(folder)?.filter_map(Result::ok);
    Ok(entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&name))
        .count())
}

#[tokio::test]
async fn a_kubeadm_control_plane_comes_back_with_its_old_objects_and_informers_recover() -> Result<()> {
    let mut plane = Plane::start(Etcd::start(Version::V3_6)).await?;
    what_the_readme_shows(&plane).await?;
    let machine = Machine::new()?;
    let member = plane.etcd.member(0);
    let shell = on(&plane, &machine, 0)?
        .name("/etc/kubernetes/admin.conf", &plane.kubeconfig())
        .name("cp-1", &member.name);
    let [block] = runbook::blocks(["kubeadm"])?;
    tokio::select! {
        played = machine.play(member, Some(&mut plane.server)) => bail!("the machine ended: {played:?}"),
        done = shell.run(&block) => done?,
    };

    plane.comes_back().await?;
    assert_eq!(
        set_aside(plane.etcd.member(0))?,
        1,
        "the old directory is renamed aside and kept"
    );
    Ok(())
}

/// What the README shows of the program without Kubernetes: a file, what is in it, what the bucket holds, a restore.
async fn what_the_readme_shows(plane: &Plane) -> Result<()> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let folder = scratch::folder("readme")?;
    let tls = plane.etcd.tls.as_ref().context("TLS")?;
    let files = &tls.client_files;
    let credentials = format!(
        "--cacert {} --cert {} --key {}",
        tls.ca.display(),
        files.cert.display(),
        files.key.display()
    );
    let shell = plane
        .bucket
        .shell()?
        .name("backup.db", &text(&folder.path().join("backup.db")))
        .name("https://10.0.0.1:2379", &plane.etcd.member(0).endpoint())
        .name("--cacert … --cert … --key …", &credentials)
        .name("/var/lib/etcd", &text(&folder.path().join("etcd")));
    let said = shell
        .run(&runbook::block("README.md", "without-kubernetes")?)
        .await?;
    ensure!(
        said.contains("/registry/configmaps") && said.contains("verified (Readback)"),
        "{said}"
    );
    ensure!(
        folder.path().join("etcd/member/snap/db").exists(),
        "nothing was restored: {said}"
    );
    Ok(())
}

#[tokio::test]
async fn several_kubeadm_control_plane_nodes_restore_each_their_member_and_are_one_cluster() -> Result<()> {
    let mut plane = Plane::start(Etcd::start(Version::V3_6).members(3)).await?;
    let machines = (0..3).map(|_| Machine::new()).collect::<Result<Vec<_>>>()?;
    let mut shells = Vec::new();
    for (index, machine) in machines.iter().enumerate() {
        let mut shell = on(&plane, machine, index)?
            .name("/etc/kubernetes/admin.conf", &plane.kubeconfig())
            .name(EXAMPLE, &plane.address)
            .name("--name cp-1", &format!("--name m{index}"));
        for number in 0..3 {
            shell = shell.name(&format!("cp-{}", number + 1), &format!("m{number}"));
        }
        shells.push(shell);
    }
    let [stop, restore, start] = runbook::blocks(["stacked-stop", "stacked-restore", "stacked-start"])?;
    let typed = async {
        on_all(&shells, &stop).await?;
        ensure!(
            plane.etcd.members().iter().all(|member| member.id().is_none()),
            "an etcd still runs"
        );
        on_all(&shells, &restore).await?;
        on_all(&shells, &start).await
    };
    // One API server stands for the three.
    while_played(&machines, &plane.etcd, Some(&mut plane.server), typed).await?;

    plane.comes_back().await?;
    are_one_cluster(&plane.etcd).await?;
    for member in plane.etcd.members() {
        assert_eq!(
            set_aside(member)?,
            1,
            "the old directory is renamed aside and kept"
        );
    }
    Ok(())
}

/// All three members are in one cluster.
async fn are_one_cluster(etcd: &Etcd) -> Result<()> {
    let mut clusters = Vec::new();
    for index in 0..3 {
        let answer = etcd.client_of(index).await?.member_list().await?;
        ensure!(
            answer.members().len() == 3,
            "member {index} knows another cluster"
        );
        clusters.push(answer.header().context("a header")?.cluster_id());
    }
    clusters.dedup();
    ensure!(clusters.len() == 1, "there are several clusters: {clusters:x?}");
    Ok(())
}

/// Plays three machines while somebody types; the API server is the first one's.
async fn while_played<T>(
    machines: &[Machine],
    etcd: &Etcd,
    server: Option<&mut ApiServer>,
    typed: impl Future<Output = Result<T>>,
) -> Result<T> {
    let [one, two, three] = etcd.members() else {
        bail!("three members are expected")
    };
    tokio::select! {
        played = machines[0].play(one, server) => bail!("the first machine ended: {played:?}"),
        played = machines[1].play(two, None) => bail!("the second machine ended: {played:?}"),
        played = machines[2].play(three, None) => bail!("the third machine ended: {played:?}"),
        done = typed => done,
    }
}

#[tokio::test]
async fn three_machines_restore_each_their_own_member_and_the_api_server_comes_back_with_its_old_objects()
-> Result<()> {
    let mut plane = Plane::start(Etcd::start(Version::V3_6).members(3)).await?;
    let machines = (0..3).map(|_| Machine::new()).collect::<Result<Vec<_>>>()?;
    let mut shells = Vec::new();
    for (index, machine) in machines.iter().enumerate() {
        let shell = on(&plane, machine, index)?
            .name(EXAMPLE, &plane.address)
            .name("--name m0", &format!("--name m{index}"));
        shells.push(shell);
    }
    let [stop, restore, start] = runbook::blocks(["external-stop", "external-restore", "external-start"])?;
    // API servers are on other machines: stopped before the first step, started after the last.
    plane.server.process().kill()?;
    let typed = async {
        on_all(&shells, &stop).await?;
        let said = on_all(&shells, &restore).await?;
        on_all(&shells, &start).await?;
        Ok(said)
    };
    let said = while_played(&machines, &plane.etcd, None, typed).await?;
    for (index, said) in said.iter().enumerate() {
        ensure!(said.contains(&format!("Member m{index} ")), "{said}");
    }
    plane.server.start_again().await?;

    plane.comes_back().await?;
    are_one_cluster(&plane.etcd).await
}
