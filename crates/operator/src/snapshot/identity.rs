//! Which manifest is a snapshot's.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdSnapshot, labels};
use etcd_backup_backup::manifest::{self, Manifest};
use kube::ResourceExt;

use super::decide::{run_id_of, slot_of};
use crate::cache::SnapshotObject;
use crate::ownership::was_owned;

/// How far the beginning of a run, as its status has it, and the time in its manifest may be apart where the manifest
/// does not name its EtcdSnapshot. Both are taken from one clock within moments.
const SAME_RUN: TimeDelta = TimeDelta::minutes(1);

/// What identifies the manifest of a snapshot: its run if that is known, else what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    run: Option<String>,
    uid: Option<String>,
    slot: Option<DateTime<Utc>>,
    started: Option<DateTime<Utc>>,
    /// Its name, where its UID is not the one that it was taken under.
    name: Option<String>,
}

impl Identity {
    /// That of a snapshot.
    pub(crate) fn of(snapshot: &EtcdSnapshot) -> Self {
        Self {
            run: run_id_of(snapshot).map(str::to_owned),
            uid: snapshot.uid(),
            slot: slot_of(snapshot),
            started: snapshot.status.as_ref().and_then(|status| status.start_time),
            name: was_owned(snapshot).then(|| snapshot.name_any()),
        }
    }

    /// That of an object of which only the metadata can be understood.
    pub(crate) fn of_metadata(object: &SnapshotObject) -> Self {
        Self {
            run: object.annotations().get(labels::RUN_ID).cloned(),
            uid: object.uid(),
            slot: slot_of(object),
            started: None,
            name: was_owned(object).then(|| object.name_any()),
        }
    }

    /// Whether this manifest says that it was taken for this very object.
    pub(crate) fn is_named_by(&self, manifest: &Manifest) -> bool {
        let named = manifest.etcd_snapshot.as_ref();
        named.is_some_and(|object| self.uid.as_ref() == Some(&object.uid))
    }

    /// Whether this is its manifest.
    pub(crate) fn is(&self, manifest: &Manifest) -> bool {
        if let Some(run) = &self.run {
            return manifest.run_id.to_string() == *run;
        }
        match (self.slot, &manifest.etcd_snapshot, self.started) {
            (Some(slot), _, _) => manifest.times.scheduled == Some(slot),
            (None, Some(object), _) => {
                self.uid.as_ref() == Some(&object.uid) || self.name.as_ref() == Some(&object.name)
            }
            // Of a version that did not record it.
            (None, None, Some(started)) => {
                let apart = manifest.times.started - started;
                manifest.trigger == manifest::Trigger::Manual
                    && apart >= TimeDelta::seconds(-1)
                    && apart <= SAME_RUN
            }
            (None, None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    /// A manual snapshot whose status names the beginning of a run and not the run.
    fn snapshot(uid: &str) -> EtcdSnapshot {
        serde_json::from_value(json!({
            "metadata": {"name": "before-upgrade", "namespace": "ns", "uid": uid}, "spec": {"backupName": "prod"},
            "status": {"phase": "Running", "attempts": 1, "startTime": "2026-11-23T06:00:00Z"},
        }))
        .unwrap()
    }

    /// What a run wrote, for the EtcdSnapshot of this UID if the version recorded it.
    fn manifest(uid: Option<&str>) -> Manifest {
        fixtures::manifest(uid.map(|uid| ("before-upgrade", uid)))
    }

    #[test]
    fn a_manifest_that_names_its_snapshot_is_that_ones_whenever_the_run_began() {
        let wanted = Identity::of(&snapshot("one"));
        assert!(wanted.is(&manifest(Some("one"))));
        let mut later = manifest(Some("one"));
        later.times.started += TimeDelta::hours(1);
        assert!(wanted.is(&later));
        assert!(
            !wanted.is(&manifest(Some("another"))),
            "of the same name and time, but not it"
        );
    }

    #[test]
    fn a_snapshot_whose_status_was_taken_away_is_known_by_what_was_stored_for_it() {
        let mut without = snapshot("one");
        without.status = None;
        let wanted = Identity::of(&without);
        assert!(wanted.is_named_by(&manifest(Some("one"))));
        assert!(!wanted.is_named_by(&manifest(Some("another"))) && !wanted.is_named_by(&manifest(None)));
    }

    #[test]
    fn a_scheduled_snapshot_has_the_manifest_of_its_slot_and_one_whose_run_is_known_that_of_the_run() {
        let slot = json!({"annotations": {"etcdbackup.dev/scheduled-time": "2026-11-23T06:00:00Z"}});
        let mut scheduled = manifest(None);
        scheduled.times.scheduled = Some(fixtures::at("06:00:00"));
        let of_slot = Identity::of(&fixtures::snapshot(json!({"metadata": slot})));
        assert!(of_slot.is(&scheduled) && !of_slot.is(&manifest(Some("snapshot-uid"))));
        let status = json!({"phase": "Succeeded", "runID": "20261123T060000Z-k3v7qa2m"});
        let known = Identity::of(&fixtures::snapshot(json!({"status": status})));
        assert!(known.is(&manifest(Some("another"))));
        let status = json!({"phase": "Succeeded", "runID": "20261123T060000Z-aaaaaaaa"});
        let other = Identity::of(&fixtures::snapshot(json!({"status": status})));
        assert!(!other.is(&manifest(Some("snapshot-uid"))));
    }

    #[test]
    fn a_manifest_of_an_older_version_is_found_by_the_time_its_run_began() {
        let wanted = Identity::of(&snapshot("one"));
        assert!(wanted.is(&manifest(None)));
        let mut later = manifest(None);
        later.times.started += TimeDelta::hours(1);
        assert!(!wanted.is(&later));
    }
}
