//! The etcd of a drill, and who asks it.

use etcd_backup_api::SecretReference;
use etcd_backup_api::secret::keys;
use k8s_openapi::api::core::v1::Container;

use crate::agent::SCRATCH;
use crate::jobs::{Mounted, MountedSecret, secrets};

/// Where the etcd of a drill listens. The network is the pod's own.
pub(super) const CLIENTS: &str = "http://127.0.0.1:2379";
const PEERS: &str = "http://127.0.0.1:2380";

/// An etcd of the user's choice on what was restored, beside the container that asks it, as restricted as ours. It gets no Secret
/// and no task.
pub(super) fn etcd(image: &str, ours: &Container, room: &Mounted) -> Container {
    let flags = [
        "--name=drill".to_owned(),
        format!("--data-dir={SCRATCH}/data"),
        format!("--listen-client-urls={CLIENTS}"),
        format!("--advertise-client-urls={CLIENTS}"),
        format!("--listen-peer-urls={PEERS}"),
        format!("--initial-advertise-peer-urls={PEERS}"),
        format!("--initial-cluster=drill={PEERS}"),
        "--initial-cluster-state=existing".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    Container {
        name: "etcd".to_owned(),
        image: Some(image.to_owned()),
        command: Some(vec!["etcd".to_owned()]),
        args: Some(flags.to_vec()),
        // One that ends by itself is started again, for as long as it is asked.
        restart_policy: Some("Always".to_owned()),
        resources: ours.resources.clone(),
        security_context: ours.security_context.clone(),
        volume_mounts: Some(vec![room.1.clone()]),
        ..Container::default()
    }
}

/// The user of the plan's etcd, as whom the restored one is asked: it is in the snapshot.
pub(super) fn user(auth: Option<&SecretReference>) -> Vec<Mounted> {
    let wanted = auth.map(|secret| MountedSecret {
        secret,
        keys: Some(&[keys::USERNAME, keys::PASSWORD]),
    });
    let mounted = secrets(wanted.as_slice());
    let named = |(mut volume, mut mount): Mounted| {
        "user".clone_into(&mut volume.name);
        "user".clone_into(&mut mount.name);
        (volume, mount)
    };
    mounted.into_iter().map(named).collect()
}
