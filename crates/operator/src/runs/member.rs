//! One try to take the snapshot from one member.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_backup::layout::{ClusterId, RunId};
use etcd_backup_backup::manifest::{Manifest, SnapshotObject};
use etcd_backup_backup::write::{self, Control, Limits, Source, SourceError, WriteError, WriteRequest};
use etcd_backup_etcd::{Choice, Cluster, EtcdError};
use etcd_backup_store::Store;
use futures::TryStreamExt;

use super::living::living;
use super::recipe::{self, Recipe};
use super::request::RunRequest;
use super::stop::leadership_lost;
use crate::connect::Failure;

/// What stays the same for all members that a run tries.
pub(super) struct Prepared {
    pub(super) recipe: Recipe,
    pub(super) store: Arc<dyn Store>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) kubernetes_uid: String,
}

/// Whose fault a failed try is.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The member's, or the way to it: another one may do better.
    Member(Failure),
    /// Anything else: another member would fail in the same way.
    Run(Failure),
}

/// One try: an attempt of its own as far as the store is concerned, with keys of its own.
pub(super) struct Member<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) request: &'a RunRequest,
    pub(super) limits: &'a Limits,
    pub(super) run: RunId,
    pub(super) started: DateTime<Utc>,
}

impl Member<'_> {
    /// Makes the member catch up with the majority. Answers the revision that the snapshot must reach, and the choice,
    /// which becomes a degraded one if the quorum is gone and the plan allows that.
    pub(super) async fn confirm(&self, choice: Choice) -> Result<(Choice, i64), Failure> {
        if choice.degraded {
            let revision = choice.revision;
            return Ok((choice, revision));
        }
        match self
            .prepared
            .cluster
            .linearizable_revision(&choice.endpoint)
            .await
        {
            Ok(revision) => Ok((choice, revision)),
            Err(EtcdError::NoQuorum { .. }) if self.prepared.recipe.allow_degraded => {
                let revision = choice.revision;
                Ok((choice.without_quorum(), revision))
            }
            Err(error) => Err(of_etcd(&error)),
        }
    }

    /// Streams the member's snapshot into the store and proves it.
    pub(super) async fn write(
        &self,
        choice: Choice,
        minimum_revision: i64,
        now: DateTime<Utc>,
        control: Control,
    ) -> Result<Manifest, Trouble> {
        let opened = self.prepared.cluster.snapshot(&choice.endpoint).await;
        let stream = opened.map_err(|error| Trouble::Member(of_etcd(&error)))?;
        let control = Control {
            confirm: living(&self.prepared.cluster, &choice.endpoint, stream.total_bytes()),
            ..control
        };
        let recipe = &self.prepared.recipe;
        let corrupt_alarm = choice.corruption_suspected();
        let request = WriteRequest {
            plan: recipe.plan.clone(),
            plan_uid: Some(recipe.plan_uid.clone()),
            kubernetes_cluster_uid: Some(self.prepared.kubernetes_uid.clone()),
            run: self.run,
            source: Source {
                cluster_id: ClusterId(choice.cluster_id),
                member_id: ClusterId(choice.member_id),
                member_name: choice.member_name,
                version: choice.version,
                size: Some(stream.total_bytes()),
                minimum_revision,
                degraded: choice.degraded,
                members: u32::try_from(choice.members).ok(),
                corrupt_alarm,
            },
            scheduled: self.request.scheduled,
            started: self.started,
            now,
            trigger: self.request.trigger,
            etcd_snapshot: Some(SnapshotObject {
                name: self.request.snapshot.name.clone(),
                uid: self.request.snapshot.uid.clone(),
            }),
            compression: recipe.compression,
            encryption: recipe.encryption.clone(),
            verification: recipe.verification,
            tool: recipe::tool(),
            limits: self.limits.clone(),
        };
        let source = stream.map_err(of_source);
        write::write(source, Arc::clone(&self.prepared.store), request, control)
            .await
            .map_err(|error| blame(&error))
    }
}

fn of_etcd(error: &EtcdError) -> Failure {
    Failure::of(error.reason(), error.is_transient(), error)
}

fn of_source(error: EtcdError) -> SourceError {
    SourceError {
        reason: error.reason(),
        transient: error.is_transient(),
        source: Box::new(error),
    }
}

/// Another member can help when this one's stream or data is what failed.
fn blame(error: &WriteError) -> Trouble {
    let failure = Failure::of(error.reason(), error.is_transient(), error);
    match error {
        error if error.is_of_source() => Trouble::Member(failure),
        WriteError::Fenced(_) => Trouble::Run(leadership_lost()),
        _ => Trouble::Run(failure),
    }
}

#[cfg(test)]
mod tests {
    use etcd_backup_backup::write::Fenced;

    use super::*;

    #[test]
    fn a_member_that_lags_or_breaks_off_is_its_own_trouble_and_a_full_store_is_not() {
        let broken = EtcdError::Unreachable {
            endpoint: "https://10.0.0.1:2379".into(),
            problem: "reset".into(),
        };
        assert!(matches!(blame(&WriteError::ReadSource(of_source(broken))),
            Trouble::Member(failure) if failure.reason == "Unreachable" && failure.transient));
        assert!(matches!(blame(&WriteError::Stale { revision: 1, minimum: 2 }),
            Trouble::Member(failure) if failure.reason == "StaleSnapshot" && failure.transient));
        assert!(
            matches!(blame(&WriteError::HashMismatch { revision: 1, ours: 2, theirs: 3 }),
            Trouble::Member(failure) if failure.reason == "HashMismatch" && failure.transient)
        );
        assert!(matches!(blame(&WriteError::ManifestConflict), Trouble::Run(failure) if !failure.transient));
    }

    #[test]
    fn a_fenced_run_says_that_the_lead_is_lost_and_not_that_somebody_else_must_have_it() {
        let fenced = WriteError::Fenced(Fenced("not the leader".into()));
        let Trouble::Run(failure) = blame(&fenced) else {
            panic!("it is no member's fault");
        };
        assert!(
            failure.reason == "LeadershipLost" && failure.transient,
            "{failure}"
        );
        assert!(failure.message.contains("could not renew its Lease"), "{failure}");
    }
}
