//! Volumes that are there before anybody claims them: folders of the rig.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Rig;

/// How many there are: some clusters of three members, and as many again for those restored beside them.
const COUNT: usize = 24;

impl Rig {
    /// Makes them, and the class by which they are claimed, which is the default.
    pub(super) fn provide_volumes(&self) -> Result<()> {
        let mut items = vec![json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {
                "name": Self::STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
        })];
        for number in 0..COUNT {
            let name = format!("rig-{number}");
            let folder = self.volume(&name);
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
            // What a volume belongs to is the kubelet's business, by the pod's fsGroup.
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o770))
                .context("close a volume to others")?;
            items.push(volume(&name, &folder));
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.kubectl()?
            .create(&list.to_string())
            .map(drop)
            .context("make volumes")
    }

    /// The folder that is a volume, by the PersistentVolume's name.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.folder().join("volumes").join(name)
    }
}

fn volume(name: &str, folder: &Path) -> Value {
    let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [Rig::NODE]});
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": Rig::STORAGE_CLASS,
            "local": {"path": folder},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    })
}
