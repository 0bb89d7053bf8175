//! The volumes of a pod and where they are mounted.

use std::collections::BTreeSet;
use std::path::PathBuf;

use etcd_backup_api::secret::keys;
use etcd_backup_api::{ClaimReference, EtcdRestore, RestoreTarget};
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, HostPathVolumeSource, KeyToPath, PersistentVolumeClaimVolumeSource,
    SecretVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::JobError;
use crate::agent::{SECRETS, Step, TARGET};
use crate::restore::targets;

/// Room for temporary files. The data itself is built at the target.
const SCRATCH: &str = "64Mi";

/// A volume and where it is mounted.
type Mounted = (Volume, VolumeMount);

/// The data directory of a target, as the pod sees it.
///
/// A volume is mounted whole, whatever part of it is the data directory: what is renamed must not be a mount point.
pub(super) fn data_dir(target: &RestoreTarget) -> PathBuf {
    let top = PathBuf::from(TARGET);
    let sub_path = target
        .persistent_volume_claim
        .as_ref()
        .and_then(|claim| claim.sub_path.as_ref());
    sub_path.map_or_else(|| top.clone(), |path| top.join(path))
}

/// Everything that the step needs. Only preparing reads the store, so only it gets Secrets.
pub(super) fn volumes(
    restore: &EtcdRestore,
    step: Step,
    index: usize,
) -> Result<(Vec<Volume>, Vec<VolumeMount>), JobError> {
    let target = targets::target(restore, index).ok_or(JobError::NoTarget)?;
    let mut all = vec![at_target(&target)?, scratch()];
    if step == Step::Prepare {
        all.extend(secrets(restore)?);
        all.extend(local_store(restore)?);
    }
    Ok(all.into_iter().unzip())
}

fn at_target(target: &RestoreTarget) -> Result<Mounted, JobError> {
    let mut volume = Volume {
        name: "target".to_owned(),
        ..Volume::default()
    };
    match (&target.persistent_volume_claim, &target.host_path) {
        (Some(claim), None) => volume.persistent_volume_claim = Some(of_claim(claim, false)),
        (None, Some(path)) => {
            volume.host_path = Some(HostPathVolumeSource {
                path: path.path.clone(),
                // It must exist: a mistyped path must not make a data directory that nobody looks at.
                type_: Some("Directory".to_owned()),
            });
        }
        _ => return Err(JobError::NoTarget),
    }
    Ok(mounted(volume, TARGET, false))
}

fn scratch() -> Mounted {
    let volume = Volume {
        name: "scratch".to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: None,
            size_limit: Some(Quantity(SCRATCH.to_owned())),
        }),
        ..Volume::default()
    };
    mounted(volume, "/tmp", false)
}

/// A mount for each Secret that reading the snapshot needs, with only the keys that it needs.
fn secrets(restore: &EtcdRestore) -> Result<Vec<Mounted>, JobError> {
    let source = restore
        .status
        .as_ref()
        .and_then(|status| status.source.as_ref())
        .ok_or(JobError::NoSource)?;
    let s3 = source.storage.s3.as_ref();
    let credentials = s3.and_then(|s3| s3.credentials.as_ref());
    let authority = s3.and_then(|s3| s3.tls.as_ref());
    // One Secret may serve several purposes, and is then mounted once.
    let purposes = [credentials, authority, restore.spec.decryption.as_ref()];
    let names: BTreeSet<&String> = purposes
        .into_iter()
        .flatten()
        .map(|secret| &secret.secret_name)
        .collect();
    let only_decryption = |name: &String| {
        let other = [credentials, authority];
        other.iter().flatten().all(|secret| &secret.secret_name != name)
    };
    let mount_one = |(number, name): (usize, &String)| {
        let identity = KeyToPath {
            key: keys::IDENTITY.to_owned(),
            path: keys::IDENTITY.to_owned(),
            mode: None,
        };
        let volume = Volume {
            name: format!("secret-{number}"),
            secret: Some(SecretVolumeSource {
                secret_name: Some(name.clone()),
                items: only_decryption(name).then(|| vec![identity]),
                // With the pod's group for reading, and nobody else.
                default_mode: Some(0o440),
                optional: None,
            }),
            ..Volume::default()
        };
        mounted(volume, &format!("{SECRETS}/{name}"), true)
    };
    Ok(names.into_iter().enumerate().map(mount_one).collect())
}

/// The volume of a store that is a directory, at the directory's own path.
fn local_store(restore: &EtcdRestore) -> Result<Option<Mounted>, JobError> {
    let source = restore
        .status
        .as_ref()
        .and_then(|status| status.source.as_ref())
        .ok_or(JobError::NoSource)?;
    let (Some(local), Some(claim)) = (&source.storage.local, &restore.spec.job.local_store) else {
        return Ok(None);
    };
    let volume = Volume {
        name: "store".to_owned(),
        persistent_volume_claim: Some(of_claim(claim, true)),
        ..Volume::default()
    };
    let (volume, mut mount) = mounted(volume, &local.path, true);
    mount.sub_path.clone_from(&claim.sub_path);
    Ok(Some((volume, mount)))
}

fn of_claim(claim: &ClaimReference, read_only: bool) -> PersistentVolumeClaimVolumeSource {
    PersistentVolumeClaimVolumeSource {
        claim_name: claim.claim_name.clone(),
        read_only: read_only.then_some(true),
    }
}

fn mounted(volume: Volume, path: &str, read_only: bool) -> Mounted {
    let mount = VolumeMount {
        name: volume.name.clone(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    (volume, mount)
}
