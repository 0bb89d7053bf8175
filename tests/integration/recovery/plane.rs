//! A control plane and its backup.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, ensure};
use harness::{
    apiserver::ApiServer,
    etcd::{Etcd, Start},
    informer::Informer,
    runbook::Shell,
    tls::Authority,
    versitygw::Versitygw,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, api::PostParams};
use tempfile::TempDir;

/// A bucket that is reached over TLS, and the folder of its certificates.
pub(super) struct Bucket {
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

    pub(super) fn shell(&self) -> Result<Shell> {
        Shell::new(&self.s3, Some(&self.folder.path().join("ca.crt")))
    }

    /// Saves a snapshot as the operator's plan `kube-system/prod` would, and says its address without the file.
    pub(super) async fn back_up(&self, etcd: &Etcd) -> Result<String> {
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

pub(super) async fn put(client: &Client, name: &str, value: &str) -> Result<()> {
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
pub(super) struct Plane {
    pub(super) bucket: Bucket,
    pub(super) etcd: Etcd,
    pub(super) server: ApiServer,
    pub(super) client: Client,
    /// The backup, which has the object `kept`. `lost` came later.
    pub(super) address: String,
    /// It has seen both.
    pub(super) informer: Informer,
}

impl Plane {
    pub(super) async fn start(etcd: Start) -> Result<Self> {
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

    /// Where the administrator's kubeconfig is.
    pub(super) fn kubeconfig(&self) -> String {
        self.server.admin_kubeconfig().to_string_lossy().into_owned()
    }

    /// What was backed up is there, what came later is not, and an informer from before sees it all.
    pub(super) async fn comes_back(&self) -> Result<()> {
        let maps = Api::<ConfigMap>::namespaced(self.client.clone(), "default");
        let kept = maps.get("kept").await.context("an object of before")?;
        ensure!(kept.data.context("data")?["value"] == "old");
        ensure!(maps.get_opt("lost").await?.is_none());
        self.informer.sees(&["kept"]).await?;
        put(&self.client, "written-afterwards", "x").await?;
        self.informer.sees(&["kept", "written-afterwards"]).await
    }
}
