//! From the words of a plan to those of the write pipeline.

use etcd_backup_api::{EtcdBackup, EtcdBackupSpec, Verification};
use etcd_backup_backup::layout::PlanKey;
use etcd_backup_backup::manifest::{Compression, Level, Tool};
use etcd_backup_backup::write::{Limits, Recipients, SpoolLimits};
use kube::ResourceExt;

use crate::connect::Failure;
use crate::settings::Settings;

/// What a plan wants of every one of its snapshots, checked: an object may have been stored under an older schema.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) plan: PlanKey,
    pub(super) plan_uid: String,
    pub(super) compression: Compression,
    pub(super) encryption: Option<Recipients>,
    pub(super) verification: Level,
    /// The etcd cluster that must be found.
    pub(super) expected_cluster: Option<u64>,
    pub(super) allow_degraded: bool,
}

/// Whether runs of this plan can be begun at all, as far as the plan alone shows: so that it is told when the plan is written,
/// and not by the first run, which may be a day away.
///
/// # Errors
/// What only the plan's author can put right, such as a recipient that is no key.
pub fn check(plan: &EtcdBackup) -> Result<(), Failure> {
    Recipe::of(plan).map(drop)
}

impl Recipe {
    pub(super) fn of(plan: &EtcdBackup) -> Result<Self, Failure> {
        let spec = &plan.spec;
        let invalid = |error: &dyn std::fmt::Display| Failure::lasting("InvalidSpec", error.to_string());
        let namespace = plan
            .namespace()
            .ok_or_else(|| invalid(&"the plan has no namespace"))?;
        Ok(Self {
            plan: PlanKey::new(namespace, plan.name_any()).map_err(|error| invalid(&error))?,
            plan_uid: plan.uid().ok_or_else(|| invalid(&"the plan has no UID"))?,
            compression: spec
                .compression
                .zstd_level()
                .map_or(Compression::None, |level| Compression::Zstd { level }),
            encryption: recipients(spec)?,
            verification: match spec.verification {
                // What drills prove comes later, and is no part of the manifest.
                Verification::Readback | Verification::Restore => Level::Readback,
                Verification::Checksum => Level::Checksum,
            },
            expected_cluster: expected_cluster(plan)?,
            allow_degraded: spec.etcd.allow_degraded,
        })
    }
}

fn recipients(spec: &EtcdBackupSpec) -> Result<Option<Recipients>, Failure> {
    let Some(encryption) = &spec.encryption else {
        return Ok(None);
    };
    let parsed = Recipients::parse(&encryption.age.recipients);
    parsed
        .map(Some)
        .map_err(|error| Failure::lasting("InvalidSpec", format!("encryption.age.recipients: {error}")))
}

/// The pin of the spec, else what the first success has taught.
fn expected_cluster(plan: &EtcdBackup) -> Result<Option<u64>, Failure> {
    let learnt = plan
        .status
        .as_ref()
        .and_then(|status| status.etcd.as_ref())
        .map(|etcd| &etcd.cluster_id);
    let Some(text) = plan.spec.etcd.cluster_id.as_ref().or(learnt) else {
        return Ok(None);
    };
    match u64::from_str_radix(text, 16) {
        Ok(id) => Ok(Some(id)),
        // A hand-edited status is no pin; the next success puts it right.
        Err(_) if plan.spec.etcd.cluster_id.is_none() => Ok(None),
        Err(_) => Err(Failure::lasting(
            "InvalidSpec",
            "etcd.clusterID is not a hexadecimal number of at most 16 digits",
        )),
    }
}

/// The bounds that the administrator set for each run.
pub(super) fn limits(settings: &Settings) -> Limits {
    let spool = SpoolLimits {
        memory: usize::try_from(settings.spool_memory.0).unwrap_or(usize::MAX),
        disk: if settings.spool_dir.is_some() {
            settings.spool_max_bytes.0
        } else {
            0
        },
        // Not used while `disk` is 0.
        directory: settings.spool_dir.clone().unwrap_or_default(),
    };
    Limits {
        spool,
        ..Limits::default()
    }
}

/// Who writes.
pub(super) fn tool() -> Tool {
    Tool {
        name: "etcd-backup-operator".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::plan;

    #[test]
    fn a_plain_plan_compresses_reads_back_and_expects_no_cluster() {
        let recipe = Recipe::of(&plan(json!({}))).unwrap();
        assert_eq!(recipe.compression, Compression::Zstd { level: 1 });
        assert_eq!(recipe.verification, Level::Readback);
        assert_eq!((recipe.expected_cluster, recipe.allow_degraded), (None, false));
        assert!(recipe.encryption.is_none());
    }

    #[test]
    fn the_pin_of_the_spec_goes_before_what_was_learnt() {
        let learnt = json!({"status": {"etcd": {"clusterID": "000000000000000a"}}});
        assert_eq!(
            Recipe::of(&plan(learnt.clone())).unwrap().expected_cluster,
            Some(10)
        );
        let mut both = learnt;
        both["spec"] = json!({"etcd": {"clusterID": "b"}});
        assert_eq!(Recipe::of(&plan(both)).unwrap().expected_cluster, Some(11));
    }

    #[test]
    fn nonsense_in_the_status_is_no_pin_and_in_the_spec_an_error() {
        let status = json!({"status": {"etcd": {"clusterID": "edited by hand"}}});
        assert_eq!(Recipe::of(&plan(status)).unwrap().expected_cluster, None);
        let spec = json!({"spec": {"etcd": {"clusterID": "xyz"}}});
        assert_eq!(Recipe::of(&plan(spec)).unwrap_err().reason, "InvalidSpec");
    }

    #[test]
    fn a_private_key_among_the_recipients_is_refused_without_repeating_it() {
        let spec = json!({"spec": {"encryption": {"age": {"recipients": ["AGE-SECRET-KEY-1CANARY"]}}}});
        let failure = Recipe::of(&plan(spec)).unwrap_err();
        assert_eq!(
            (failure.reason.as_str(), failure.transient),
            ("InvalidSpec", false)
        );
        assert!(
            failure.message.contains("private key") && !failure.message.contains("CANARY"),
            "{failure}"
        );
    }
}
