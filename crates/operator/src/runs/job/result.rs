//! From what an agent said, and from what the store holds, to the result of a run.

use std::sync::Arc;

use etcd_backup_api::StorageSpec;
use etcd_backup_backup::catalogue;
use etcd_backup_backup::layout::PlanKey;
use etcd_backup_backup::manifest::Manifest;
use etcd_backup_store::Store;
use kube::{Resource, ResourceExt};

use super::seen::Ended;
use super::{JobExecutor, name_of};
use crate::agent::{AgentResult, location_of};
use crate::connect::Failure;
use crate::metrics::Stage;
use crate::restore::resolve::again;
use crate::runs::execute::taken_over;
use crate::runs::request::{RunRequest, RunResult, Taken};

/// The word for a pod that was asked to end. Not the operator's own word for that, which does not count as an attempt: the
/// next attempt needs a Job of its own.
const POD_ENDED: &str = "PodEnded";

/// The longest location of a store: the scheme, a bucket and a prefix (`storage.s3` in the CRD), or a path.
const LONGEST_LOCATION: usize = 4096;

impl JobExecutor {
    /// What the agent said, as the result of the run. `storage` is what it stored in.
    pub(super) async fn take(
        &self,
        request: &RunRequest,
        storage: &StorageSpec,
        said: AgentResult,
        ended: Ended,
    ) -> RunResult {
        match said {
            AgentResult::Stored {
                key,
                manifest,
                location,
                taken_over: from,
            } => {
                if let Some(note) = from.as_deref().map(taken_over) {
                    self.events.publish(&request.plan.object_ref(&()), &[note]).await;
                }
                let taken = match manifest.and_then(|value| read(&value, &key)) {
                    Some(manifest) => Taken {
                        manifest,
                        location: location.filter(|location| is_location(location)),
                    },
                    None => self.fetch(request, storage, &key).await?,
                };
                own(taken, request)
            }
            AgentResult::Failed {
                reason,
                message,
                stage,
            } => {
                let reason = if reason == "Interrupted" {
                    POD_ENDED.to_owned()
                } else {
                    reason
                };
                if let Some(stage) = stage.as_deref().and_then(Stage::of_run) {
                    self.metrics.stage_failed(stage, &reason);
                }
                Err(Failure {
                    reason,
                    message,
                    transient: ended.transient,
                })
            }
            AgentResult::Prepared { .. }
            | AgentResult::Committed { .. }
            | AgentResult::Discarded
            | AgentResult::Drilled { .. } => Err(Failure::transient(
                "InvalidResult",
                "its pod said what no pod that takes a snapshot says",
            )),
        }
    }

    async fn fetch(&self, request: &RunRequest, storage: &StorageSpec, key: &str) -> Result<Taken, Failure> {
        let location = location_of(key).ok_or_else(|| {
            Failure::transient("InvalidResult", "its pod named no key of a backup as its result")
        })?;
        let store = self.open(request, storage).await?;
        Ok(Taken {
            manifest: again(&*store, &location).await?.manifest,
            location: Some(store.location()),
        })
    }

    /// A pod that died may have stored its backup before: the store that it wrote to knows. Else it is `failure`.
    pub(super) async fn written_or(
        &self,
        request: &RunRequest,
        storage: &StorageSpec,
        failure: Failure,
    ) -> RunResult {
        let (_, result) = self.looked_up(request, storage, failure).await;
        result
    }

    /// What a Job comes to that is gone: what it stored, or that it is gone, with the place where nothing of it is.
    pub(super) async fn gone(&self, request: &RunRequest, storage: &StorageSpec) -> RunResult {
        let gone = Failure::transient("JobGone", format!("the Job {} is gone", name_of(request)));
        match self.looked_up(request, storage, gone).await {
            (Some(location), Err(gone)) => Err(Failure {
                message: format!("{}, and nothing complete of it is in {location}", gone.message),
                ..gone
            }),
            (_, result) => result,
        }
    }

    /// What is in the store of a request, else `failure`; and where that is, if it could be looked at.
    async fn looked_up(
        &self,
        request: &RunRequest,
        storage: &StorageSpec,
        failure: Failure,
    ) -> (Option<String>, RunResult) {
        match self.written(request, storage).await {
            Ok((location, Some(manifest))) => {
                let location = Some(location);
                let taken = Taken {
                    manifest,
                    location: location.clone(),
                };
                (location, Ok(Arc::new(taken)))
            }
            Ok((location, None)) => (Some(location), Err(failure)),
            Err(unknown) => (
                None,
                Err(Failure {
                    message: format!(
                        "{}. Whether it stored a backup before is not known: {}",
                        failure.message, unknown.message
                    ),
                    ..failure
                }),
            ),
        }
    }

    /// Where it was looked for, and what was found.
    async fn written(
        &self,
        request: &RunRequest,
        storage: &StorageSpec,
    ) -> Result<(String, Option<Manifest>), Failure> {
        let plan = &request.plan;
        let key = PlanKey::new(plan.namespace().unwrap_or_default(), plan.name_any())
            .map_err(|error| Failure::of("InvalidSpec", false, &error))?;
        let store = self.open(request, storage).await?;
        let listed = catalogue::list(&*store, &key)
            .await
            .map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))?;
        let mut manifests = listed.backups.into_iter().map(|entry| entry.manifest);
        let found = manifests.find(|manifest| is_of(manifest, request));
        Ok((store.location(), found))
    }

    async fn open(&self, request: &RunRequest, storage: &StorageSpec) -> Result<Arc<dyn Store>, Failure> {
        let namespace = &request.snapshot.namespace;
        self.connector.store_of(namespace, storage, (self.clock)()).await
    }
}

/// The manifest, unless it is not the one that belongs there.
fn read(value: &serde_json::Value, key: &str) -> Option<Manifest> {
    let location = location_of(key)?;
    Manifest::parse_at(value.to_string().as_bytes(), &location).ok()
}

/// Anybody who may run pods in the namespace could have written the result: another snapshot's is none.
pub(super) fn own(taken: Taken, request: &RunRequest) -> RunResult {
    if is_of(&taken.manifest, request) {
        return Ok(Arc::new(taken));
    }
    Err(Failure::transient(
        "InvalidResult",
        "its pod named a backup as its result that is not this snapshot's",
    ))
}

/// Whether a pod's word of where its store is may be shown. It is not asked for more than to look like one: whoever runs pods
/// in the namespace could have written the manifest too.
pub(super) fn is_location(said: &str) -> bool {
    let known = said.starts_with("s3://") || said.starts_with("file://");
    known && said.len() <= LONGEST_LOCATION && !said.contains(char::is_control)
}

fn is_of(manifest: &Manifest, request: &RunRequest) -> bool {
    let plan = &manifest.plan;
    let of_snapshot = manifest
        .etcd_snapshot
        .as_ref()
        .is_some_and(|snapshot| snapshot.uid == request.snapshot.uid);
    of_snapshot && plan.namespace == request.snapshot.namespace && plan.name == request.plan.name_any()
}
