//! What runs around the cases: the rig, with our operator installed in it as a user would, and a store.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use harness::{
    binaries,
    etcd::Version,
    kubectl::Kubectl,
    rig::{Rig, images},
    runbook::{self, Shell},
    versitygw::Versitygw,
};
use serde_json::json;
use tokio::sync::{OnceCell, RwLock};
use xtask::image;

/// The namespace that `config/default` installs into.
pub(crate) const SYSTEM: &str = "etcd-backup-system";

/// Where the kustomization is that is installed, in the folder of the rig.
const OVERLAY: &str = "overlay";

/// The directory of the node below which restores may write, by its name in the folder of the rig. Elsewhere it is
/// `/var/lib/etcd`; here the node shares its files with the machine.
pub(crate) const HOST_PATH: &str = "var-lib-etcd";

/// Everything.
pub(crate) struct World {
    pub(crate) rig: RwLock<Rig>,
    pub(crate) kubectl: Kubectl,
    pub(crate) gateway: Versitygw,
}

impl World {
    /// The world; the first who asks starts it. There is no second try: the first leaves mounts and addresses.
    pub(crate) async fn shared() -> Result<&'static Self> {
        static WORLD: OnceCell<Result<World>> = OnceCell::const_new();
        let world = WORLD.get_or_init(Self::begin).await;
        world
            .as_ref()
            .map_err(|error| anyhow!("no world to test in: {error:#}"))
    }

    async fn begin() -> Result<Self> {
        let rig = Rig::start().await.context("start the rig")?;
        rig.import(&image::etcd_backup(
            &binaries::etcd_backup()?,
            image::DEFAULT_NAME,
        )?)
        .context("import the product's image")?;
        rig.import(&images::etcd(Version::V3_6)?)
            .context("import etcd's image")?;
        overlay(rig.folder()).context("write the overlay")?;
        let world = Self {
            kubectl: rig.kubectl()?,
            gateway: Versitygw::start_at(Rig::HOST).await?,
            rig: RwLock::new(rig),
        };
        world.paste("README.md", "install").await?;
        Ok(world)
    }

    /// Types the commands of a document, as the administrator. What it calls `config/default` is what is installed here.
    pub(crate) async fn paste(&self, document: &str, section: &str) -> Result<String> {
        let rig = self.rig.read().await;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Shell::plain()?
            .environment("KUBECONFIG", &text(rig.server.admin_kubeconfig()))
            .environment("KUBECACHEDIR", &text(&rig.folder().join("cache")))
            .name("config/default", &text(&rig.folder().join(OVERLAY)))
            .run(&runbook::block(document, section)?)
            .await
    }

    /// Waits until a workload of the operator's namespace is as it should be.
    pub(crate) fn rolled_out(&self, deadline: Duration) -> Result<()> {
        let timeout = format!("--timeout={}s", deadline.as_secs());
        let words = ["rollout", "status", "deployment/etcd-backup-operator", &timeout];
        self.kubectl
            .run(&[&words[..], &["--namespace", SYSTEM]].concat())
            .map(drop)
    }

    /// Says what is known.
    #[expect(clippy::print_stderr, reason = "a failed test shows what was known")]
    pub(crate) fn explain(&self, error: &anyhow::Error) {
        eprintln!("--- {error:#}");
        let Ok(rig) = self.rig.try_read() else { return };
        eprintln!("{}", rig.diagnosis());
        let logs = [
            "logs",
            "--namespace",
            SYSTEM,
            "--tail=40",
            "--prefix",
            "--selector",
        ];
        let logs = self
            .kubectl
            .run(&[&logs[..], &["app.kubernetes.io/component=operator"]].concat());
        eprintln!("--- the operator's logs end with\n{}", logs.unwrap_or_default());
    }
}

/// Writes what is installed: `config/default` with restores turned on, in directories of the node too, and an image that is there.
fn overlay(folder: &Path) -> Result<()> {
    let overlay = folder.join(OVERLAY);
    fs::create_dir(&overlay).context("make a folder")?;
    let (name, tag) = image::DEFAULT_NAME
        .rsplit_once(':')
        .context("the image has a tag")?;
    let allowed = format!("--restore-host-path-root={}", folder.join(HOST_PATH).display());
    let flag = json!([{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": allowed}]);
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [relative(&overlay, &binaries::root().join("config/default"))?],
        "components": [relative(&overlay, &binaries::root().join("config/components/restore"))?],
        "patches": [{"target": {"kind": "Deployment", "name": "etcd-backup-operator"}, "patch": flag.to_string()}],
        "images": [{"name": "ghcr.io/etcd-backup-operator/etcd-backup", "newName": name, "newTag": tag}],
    });
    fs::write(overlay.join("kustomization.yaml"), kustomization.to_string()).context("write the file")
}

/// kustomize takes no absolute path for what it builds upon.
fn relative(from: &Path, to: &Path) -> Result<PathBuf> {
    let from = fs::canonicalize(from).context("find the overlay")?;
    let to = fs::canonicalize(to).context("find what is shipped")?;
    let up = from
        .components()
        .filter(|part| matches!(part, Component::Normal(_)));
    let mut path: PathBuf = up.map(|_| "..").collect();
    path.push(to.strip_prefix("/").context("a path from the root")?);
    Ok(path)
}
