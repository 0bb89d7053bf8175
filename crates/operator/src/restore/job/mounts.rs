//! The volumes of a pod that restores.

use std::path::PathBuf;

use etcd_backup_api::{EtcdRestore, RestoreTarget};
use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume};

use super::JobError;
use crate::agent::{Step, TARGET};
use crate::jobs::{Mounted, mounted, of_claim, scratch, snapshot};
use crate::restore::targets;

/// Room for temporary files. The data itself is built at the target.
const SCRATCH: &str = "64Mi";

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
pub(super) fn volumes(restore: &EtcdRestore, step: Step, index: usize) -> Result<Vec<Mounted>, JobError> {
    let target = targets::target(restore, index).ok_or(JobError::NoTarget)?;
    let mut all = vec![at_target(&target)?, scratch("scratch", "/tmp", SCRATCH)];
    if step == Step::Prepare {
        let status = restore.status.as_ref();
        let source = status
            .and_then(|status| status.source.as_ref())
            .ok_or(JobError::NoSource)?;
        let claim = restore.spec.job.local_store.as_ref();
        all.extend(snapshot(source, restore.spec.decryption.as_ref(), claim));
    }
    Ok(all)
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
