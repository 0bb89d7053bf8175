//! docs/disaster-recovery.md, executed as written, block by block. What the test plays is what starts, stops and lists
//! processes: the kubelet, which looks at the manifests of static pods, crictl, and systemd.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Member, Start, Version},
    etcdutl::{self, Membership},
    informer::Informer,
    machine::Machine,
    runbook::{self, Shell},
    tls::Authority,
    versitygw::Versitygw,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, api::PostParams};
use tempfile::TempDir;

/// The backup that the document restores where several machines must restore the same.
const EXAMPLE: &str = "s3://backups/etcd/kube-system/prod/cdf818194e3a8c32/20261123T060000Z-abcdefgh";

/// A bucket that is reached over TLS, and the folder of its certificates.
struct Bucket {
    s3: Versitygw,
    folder: TempDir,
}

impl Bucket {
    async fn start() -> Result<Self> {
        let folder = harness::scratch::folder("bucket")?;
        let authority = Authority::new("store-ca")?;
        fs::write(folder.path().join("ca.crt"), authority.pem())?;
        let certificate = authority.server(&["127.0.0.1"])?.write(folder.path(), "server")?;
        let s3 = Versitygw::start_tls(&certificate).await?;
        s3.create_bucket("backups")?;
        Ok(Self { s3, folder })
    }

    fn shell(&self) -> Result<Shell> {
        Shell::new(&self.s3, Some(&self.folder.path().join("ca.crt")))
    }

    /// Saves a snapshot as the operator's plan `kube-system/prod` would, and says its address without the file.
    async fn back_up(&self, etcd: &Etcd) -> Result<String> {
        let tls = etcd.tls.as_ref().context("TLS")?;
        let command = format!(
            "etcd-backup snapshot save s3://backups/etcd --plan kube-system/prod --endpoints {} --cacert {} --cert {} --key {}",
            etcd.endpoints().join(","),
            tls.ca.display(),
            tls.client_files.cert.display(),
            tls.client_files.key.display(),
        );
        let said = self.shell()?.run(&command).await?;
        let line = said.lines().next().context("a line")?;
        let address = line.trim_start_matches("Snapshot saved at ");
        let (folder, _) = address.rsplit_once('/').context("an address")?;
        Ok(folder.to_owned())
    }
}

async fn put(client: &Client, name: &str, value: &str) -> Result<()> {
    let object = ConfigMap {
        metadata: kube::core::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        data: Some(BTreeMap::from([("value".to_owned(), value.to_owned())])),
        ..Default::default()
    };
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    maps.create(&PostParams::default(), &object).await?;
    Ok(())
}

/// A control plane and its backup.
struct Plane {
    bucket: Bucket,
    etcd: Etcd,
    server: ApiServer,
    client: Client,
    /// The backup, which has the object `kept`. `lost` came later.
    address: String,
    /// It has seen both.
    informer: Informer,
}

impl Plane {
    async fn start(etcd: Start) -> Result<Self> {
        let bucket = Bucket::start().await?;
        let etcd = etcd.tls().await?;
        let server = ApiServer::start(&etcd).await?;
        let client = server.admin().await?;
        put(&client, "kept", "old").await?;
        let address = bucket.back_up(&etcd).await?;
        put(&client, "lost", "newer than the backup").await?;
        let informer = Informer::start(client.clone(), "default");
        informer.sees(&["kept", "lost"]).await?;
        Ok(Self {
            bucket,
            etcd,
            server,
            client,
            address,
            informer,
        })
    }
}

/// The names that the document has and its machine number `index` has here.
fn on(shell: Shell, machine: &Machine, etcd: &Etcd, index: usize) -> Shell {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let own = &etcd.members()[index];
    let shell = shell
        .tools(&machine.tools())
        .name("/etc/kubernetes/manifests", &text(&machine.manifests()))
        .name("/root/manifests", &text(&machine.aside()))
        .name("/var/lib/etcd", &text(own.data()));
    let members = etcd.members().iter().enumerate();
    members.fold(shell, |shell, (number, member)| {
        shell.name(&format!("https://10.0.0.{}:2380", number + 1), &member.peer_url())
    })
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
    let Plane {
        bucket,
        etcd,
        mut server,
        client,
        informer,
        ..
    } = Plane::start(Etcd::start(Version::V3_6)).await?;
    let machine = Machine::new()?;
    let member = etcd.member(0);
    let config = server.admin_kubeconfig().to_string_lossy().into_owned();
    let shell = on(bucket.shell()?, &machine, &etcd, 0)
        .name("/etc/kubernetes/admin.conf", &config)
        .name("cp-1", &member.name);
    let [block] = runbook::blocks(["kubeadm"])?;
    tokio::select! {
        played = machine.play(member, Some(&mut server)) => bail!("the machine ended: {played:?}"),
        done = shell.run(&block) => done?,
    };

    comes_back(&client, &informer).await?;
    assert_eq!(
        set_aside(member)?,
        1,
        "the old directory is renamed aside and kept"
    );
    Ok(())
}

/// What was backed up is there, what came later is not, and an informer from before sees it all.
async fn comes_back(client: &Client, informer: &Informer) -> Result<()> {
    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let kept = maps.get("kept").await.context("an object of before")?;
    ensure!(kept.data.context("data")?["value"] == "old");
    ensure!(maps.get_opt("lost").await?.is_none());
    informer.sees(&["kept"]).await?;
    put(client, "written-afterwards", "x").await?;
    informer.sees(&["kept", "written-afterwards"]).await
}

#[tokio::test]
async fn several_kubeadm_control_plane_nodes_restore_each_their_member_and_are_one_cluster() -> Result<()> {
    let Plane {
        bucket,
        etcd,
        mut server,
        client,
        address,
        informer,
    } = Plane::start(Etcd::start(Version::V3_6).members(3)).await?;
    let machines = (0..3).map(|_| Machine::new()).collect::<Result<Vec<_>>>()?;
    let config = server.admin_kubeconfig().to_string_lossy().into_owned();
    let mut shells = Vec::new();
    for (index, machine) in machines.iter().enumerate() {
        let mut shell = on(bucket.shell()?, machine, &etcd, index)
            .name("/etc/kubernetes/admin.conf", &config)
            .name(EXAMPLE, &address)
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
            etcd.members().iter().all(|member| member.id().is_none()),
            "an etcd still runs"
        );
        on_all(&shells, &restore).await?;
        on_all(&shells, &start).await
    };
    // One API server stands for the three.
    while_played(&machines, &etcd, Some(&mut server), typed).await?;

    comes_back(&client, &informer).await?;
    are_one_cluster(&etcd).await?;
    for member in etcd.members() {
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
    let Plane {
        bucket,
        etcd,
        mut server,
        client,
        address,
        informer,
    } = Plane::start(Etcd::start(Version::V3_6).members(3)).await?;
    let machines = (0..3).map(|_| Machine::new()).collect::<Result<Vec<_>>>()?;
    let mut shells = Vec::new();
    for (index, machine) in machines.iter().enumerate() {
        let shell = on(bucket.shell()?, machine, &etcd, index)
            .name(EXAMPLE, &address)
            .name("--name m0", &format!("--name m{index}"));
        shells.push(shell);
    }
    let [stop, restore, start] = runbook::blocks(["external-stop", "external-restore", "external-start"])?;
    // API servers are on other machines: stopped before the first step, started after the last.
    server.process().kill()?;
    let typed = async {
        on_all(&shells, &stop).await?;
        let said = on_all(&shells, &restore).await?;
        on_all(&shells, &start).await?;
        Ok(said)
    };
    let said = while_played(&machines, &etcd, None, typed).await?;
    for (index, said) in said.iter().enumerate() {
        ensure!(said.contains(&format!("Member m{index} ")), "{said}");
    }
    server.start_again().await?;

    comes_back(&client, &informer).await?;
    are_one_cluster(&etcd).await
}

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
    let Plane {
        bucket,
        etcd,
        mut server,
        client,
        informer,
        ..
    } = Plane::start(k3s).await?;
    put(&client, "newest", "in the newest backup only").await?;
    bucket.back_up(&etcd).await?;
    put(&client, "newer", "than all backups").await?;
    let before = etcd.client().await?.status().await?;
    let before = before.header().context("a header")?.revision();
    // systemctl stop k3s
    drop(informer);
    server.process().kill()?;
    let member = etcd.member(0);
    member.stop().await?;

    let file = etcd.folder().join("snapshot.db");
    let shell = bucket.shell()?.name("/root/snapshot.db", &file.to_string_lossy());
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
    server.start_again().await?;

    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    ensure!(maps.get_opt("newer").await?.is_none());
    let informer = Informer::start(client.clone(), "default");
    informer.sees(&["kept", "lost", "newest"]).await?;
    put(&client, "written-afterwards", "x").await?;
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
