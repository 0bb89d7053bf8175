//! docs/disaster-recovery.md, executed as written. What the test plays is what starts and stops processes: the kubelet, which
//! looks at the manifests of static pods, and systemd.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Version},
    etcdutl,
    informer::Informer,
    runbook::{self, Shell},
    tls::Authority,
    versitygw::Versitygw,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, api::PostParams};
use tempfile::TempDir;

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

/// What the kubelet does for static pods: what has a manifest runs, what has none does not.
async fn kubelet(manifests: &Path, etcd: &Etcd, server: &mut ApiServer, running: &mut bool) -> Result<()> {
    let wanted = manifests.join("etcd.yaml").exists();
    ensure!(wanted == manifests.join("kube-apiserver.yaml").exists());
    if *running && !wanted {
        server.process().kill()?;
        etcd.member(0).stop().await?;
    } else if !*running && wanted {
        etcd.member(0).start().await?;
        server.start_again().await?;
    }
    *running = wanted;
    Ok(())
}

#[tokio::test]
async fn a_kubeadm_control_plane_comes_back_with_its_old_objects_and_informers_recover() -> Result<()> {
    let bucket = Bucket::start().await?;
    let etcd = Etcd::start(Version::V3_6).tls().await?;
    let mut server = ApiServer::start(&etcd).await?;
    let client = server.admin().await?;
    put(&client, "kept", "old").await?;
    bucket.back_up(&etcd).await?;
    put(&client, "lost", "newer than the backup").await?;
    let informer = Informer::start(client.clone(), "default");
    informer.sees(&["kept", "lost"]).await?;

    let place = harness::scratch::folder("node")?;
    let manifests = place.path().join("manifests");
    fs::create_dir(&manifests)?;
    for name in ["etcd.yaml", "kube-apiserver.yaml"] {
        fs::write(manifests.join(name), "played by the test")?;
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let shell = bucket
        .shell()?
        .environment("KUBECONFIG", &text(server.admin_kubeconfig()))
        .name("/etc/kubernetes/manifests", &text(&manifests))
        .name("/root/manifests", &text(&place.path().join("aside")))
        .name("/var/lib/etcd", &text(etcd.member(0).data()))
        .name("https://10.0.0.1:2380", &etcd.member(0).peer_url())
        .name("cp-1", &etcd.member(0).name);
    let mut running = true;
    for command in runbook::commands("kubeadm")? {
        shell.run(&command).await?;
        kubelet(&manifests, &etcd, &mut server, &mut running).await?;
    }

    let maps = Api::<ConfigMap>::namespaced(client.clone(), "default");
    let kept = maps.get("kept").await.context("an object of before")?;
    assert_eq!(kept.data.context("data")?["value"], "old");
    assert!(maps.get_opt("lost").await?.is_none());
    informer.sees(&["kept"]).await?;
    put(&client, "written-afterwards", "x").await?;
    informer.sees(&["kept", "written-afterwards"]).await?;
    let (folder, name) = (
        etcd.member(0).data().parent().context("a folder")?,
        format!("{}.replaced-", etcd.member(0).name),
    );
    let aside = fs::read_dir(folder)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&name))
        .count();
    assert_eq!(aside, 1, "the old directory is renamed aside and kept");
    Ok(())
}

#[tokio::test]
async fn three_machines_restore_each_their_own_member_and_make_one_cluster() -> Result<()> {
    let bucket = Bucket::start().await?;
    let etcd = Etcd::start(Version::V3_6).members(3).tls().await?;
    etcd.client().await?.put("greeting", "old", None).await?;
    let address = bucket.back_up(&etcd).await?;
    etcd.client().await?.put("greeting", "newer", None).await?;

    let script = runbook::commands("external")?;
    let [stop, restore, start] = script.as_slice() else {
        anyhow::bail!("three commands are expected: {script:?}")
    };
    assert_eq!(
        (stop.as_str(), start.as_str()),
        ("systemctl stop etcd", "systemctl start etcd")
    );
    for member in etcd.members() {
        member.stop().await?;
    }
    for (index, member) in etcd.members().iter().enumerate() {
        let mut shell = bucket
            .shell()?
            .name(
                "s3://backups/etcd/kube-system/prod/cdf818194e3a8c32/20261123T060000Z-abcdefgh",
                &address,
            )
            .name("/var/lib/etcd", &member.data().to_string_lossy())
            .name("--name m0", &format!("--name m{index}"));
        for (number, other) in etcd.members().iter().enumerate() {
            shell = shell.name(&format!("https://10.0.0.{}:2380", number + 1), &other.peer_url());
        }
        let said = shell.run(restore).await?;
        ensure!(said.contains(&format!("Member m{index} ")), "{said}");
    }
    for member in etcd.members() {
        member.launch()?;
    }
    for member in etcd.members() {
        member.ready().await?;
    }
    for index in 0..3 {
        let answer = etcd.client_of(index).await?.get("greeting", None).await?;
        assert_eq!(answer.kvs()[0].value(), b"old", "member {index}");
    }
    let members = etcd.client().await?.member_list().await?;
    assert_eq!(members.members().len(), 3);
    Ok(())
}

#[tokio::test]
async fn what_is_fetched_for_an_embedded_etcd_is_the_newest_backup_and_etcds_own_tool_restores_it()
-> Result<()> {
    let bucket = Bucket::start().await?;
    let etcd = Etcd::start(Version::V3_6).tls().await?;
    for value in ["first", "second"] {
        etcd.client().await?.put("greeting", value, None).await?;
        bucket.back_up(&etcd).await?;
    }
    let file = etcd.folder().join("snapshot.db");
    let shell = bucket.shell()?.name("/root/snapshot.db", &file.to_string_lossy());
    for command in runbook::commands("embedded")? {
        shell.run(&command).await?;
    }
    etcdutl::status(Version::V3_6, &file)?;
    let restored = Etcd::start(Version::V3_6).restored_from(&file).await?;
    let answer = restored.client().await?.get("greeting", None).await?;
    assert_eq!(answer.kvs()[0].value(), b"second");
    Ok(())
}
