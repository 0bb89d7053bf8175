//! Volumes of a pod and where they are mounted.

use etcd_backup_api::secret::keys;
use etcd_backup_api::{ClaimReference, PinnedSource, SecretReference, StorageSpec};
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource, SecretVolumeSource, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::agent::SECRETS;

/// A volume and where it is mounted.
pub type Mounted = (Volume, VolumeMount);

/// A Secret that a pod reads.
#[derive(Debug, Clone, Copy)]
pub struct MountedSecret<'a> {
    /// Which.
    pub secret: &'a SecretReference,
    /// The keys that it reads: nothing else of the Secret enters the pod. Without: all.
    pub keys: Option<&'a [&'a str]>,
}

/// A directory `path` for files that end with the pod, at most as large as `size` says.
pub fn scratch(name: &str, path: &str, size: &str) -> Mounted {
    let volume = Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: None,
            size_limit: Some(Quantity(size.to_owned())),
        }),
        ..Volume::default()
    };
    mounted(volume, path, false)
}

/// A mount for each Secret, in a directory named after it. One that serves several purposes is mounted once, with what all of them read.
pub fn secrets(wanted: &[MountedSecret<'_>]) -> Vec<Mounted> {
    let mut names: Vec<&str> = wanted.iter().map(|one| one.secret.secret_name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mount_one = |(number, name): (usize, &str)| {
        let of_name = wanted.iter().filter(|one| one.secret.secret_name == name);
        let lists: Option<Vec<&[&str]>> = of_name.map(|one| one.keys).collect();
        let mut keys = lists.map(|lists| lists.concat());
        if let Some(keys) = &mut keys {
            keys.sort_unstable();
            keys.dedup();
        }
        let volume = Volume {
            name: format!("secret-{number}"),
            secret: Some(SecretVolumeSource {
                secret_name: Some(name.to_owned()),
                items: keys.map(|keys| keys.into_iter().map(item).collect()),
                // With the pod's group for reading, and nobody else.
                default_mode: Some(0o440),
                optional: None,
            }),
            ..Volume::default()
        };
        mounted(volume, &format!("{SECRETS}/{name}"), true)
    };
    names.into_iter().enumerate().map(mount_one).collect()
}

fn item(key: &str) -> KeyToPath {
    KeyToPath {
        key: key.to_owned(),
        path: key.to_owned(),
        mode: None,
    }
}

/// What reading a snapshot needs: the Secrets of its store, the identities that it is decrypted with, and the volume of a store
/// that is a directory.
pub fn snapshot(
    source: &PinnedSource,
    decryption: Option<&SecretReference>,
    claim: Option<&ClaimReference>,
) -> Vec<Mounted> {
    let s3 = source.storage.s3.as_ref();
    let whole = |secret| MountedSecret { secret, keys: None };
    let of_store = [
        s3.and_then(|s3| s3.credentials.as_ref()),
        s3.and_then(|s3| s3.tls.as_ref()),
    ];
    let identity = decryption.map(|secret| MountedSecret {
        secret,
        keys: Some(&[keys::IDENTITY]),
    });
    let wanted: Vec<_> = of_store
        .into_iter()
        .flatten()
        .map(whole)
        .chain(identity)
        .collect();
    let mut all = secrets(&wanted);
    all.extend(local_store(&source.storage, claim, true));
    all
}

/// The volume of a store that is a directory, at the directory's own path. `None` for other stores, and where no claim is named.
pub fn local_store(
    storage: &StorageSpec,
    claim: Option<&ClaimReference>,
    read_only: bool,
) -> Option<Mounted> {
    let (local, claim) = (storage.local.as_ref()?, claim?);
    let volume = Volume {
        name: "store".to_owned(),
        persistent_volume_claim: Some(of_claim(claim, read_only)),
        ..Volume::default()
    };
    let (volume, mut mount) = mounted(volume, &local.path, read_only);
    mount.sub_path.clone_from(&claim.sub_path);
    Some((volume, mount))
}

/// The source of a volume that is a claim.
pub fn of_claim(claim: &ClaimReference, read_only: bool) -> PersistentVolumeClaimVolumeSource {
    PersistentVolumeClaimVolumeSource {
        claim_name: claim.claim_name.clone(),
        read_only: read_only.then_some(true),
    }
}

/// `volume`, mounted at `path`.
pub fn mounted(volume: Volume, path: &str, read_only: bool) -> Mounted {
    let mount = VolumeMount {
        name: volume.name.clone(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    (volume, mount)
}
