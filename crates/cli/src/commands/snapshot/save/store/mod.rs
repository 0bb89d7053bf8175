//! Straight to a store, as the operator writes it.

mod options;

use std::{sync::Arc, time::Duration};

use etcd_backup_backup::{
    layout::{ClusterId, PlanKey, RunId},
    manifest::{Level, Manifest, Tool, Trigger},
    write::{self, Control, Limits, Source, SourceError, WriteError, WriteRequest},
};
use etcd_backup_etcd::EtcdError;
use etcd_backup_operator::runs::living;
use etcd_backup_store::{Store, StoreError};
use futures::TryStreamExt;
pub(super) use options::StoreOptions;

use super::{
    member::{Opened, Quest},
    written::{Proof, Written},
};
use crate::{
    clock,
    exit::{Exit, Failure},
    interrupt,
    output::note,
    progress::Progress,
    store::{Address, of_store},
};

pub(super) async fn save(mut quest: Quest, to: &Address, options: &StoreOptions) -> Result<Written, Failure> {
    let store = options.open(to).await?;
    let plan = options.plan()?;
    refuse_an_operators(&*store, &plan).await?;
    loop {
        let Opened {
            choice,
            minimum,
            stream,
        } = interrupt::unless(quest.open()).await?;
        let endpoint = choice.endpoint.clone();
        let started = clock::now();
        let request = WriteRequest {
            plan: plan.clone(),
            plan_uid: None,
            kubernetes_cluster_uid: None,
            run: RunId::generate(started).map_err(|error| Failure::new(Exit::Other, error))?,
            source: Source {
                cluster_id: ClusterId(choice.cluster_id),
                member_id: ClusterId(choice.member_id),
                member_name: choice.member_name.clone(),
                version: choice.version.clone(),
                size: Some(stream.total_bytes()),
                minimum_revision: minimum,
                degraded: choice.degraded,
                members: u32::try_from(choice.members).ok(),
                corrupt_alarm: choice.corruption_suspected(),
            },
            scheduled: None,
            started,
            now: started,
            trigger: Trigger::Manual,
            etcd_snapshot: None,
            compression: options.compression(),
            encryption: options.recipients()?,
            verification: Level::Readback,
            tool: Tool {
                name: "etcd-backup".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            limits: Limits::default(),
        };
        let control = Control {
            confirm: living(quest.cluster(), &endpoint, stream.total_bytes()),
            ..Control::unattended()
        };
        match watched(stream.map_err(of_source), Arc::clone(&store), request, control).await {
            Ok(manifest) => {
                return Ok(Written::Store {
                    store: store.location(),
                    manifest: Box::new(manifest),
                    proof: Proof::new(choice, minimum),
                });
            }
            Err(error) if error.is_of_source() && error.is_transient() && quest.avoid(&endpoint) => {}
            Err(error) => return Err(failure(&error)),
        }
    }
}

/// Writes, shows how far it is, and cleans up when interrupted.
async fn watched<S>(
    source: S,
    store: Arc<dyn Store>,
    request: WriteRequest,
    control: Control,
) -> Result<Manifest, WriteError>
where
    S: futures::Stream<Item = Result<bytes::Bytes, SourceError>> + Send + 'static,
{
    let (done, cancel) = (Arc::clone(&control.progress), control.cancel.clone());
    let mut progress = Progress::start(request.source.size.unwrap_or(0));
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let mut writing = std::pin::pin!(write::write(source, store, request, control));
    let mut asked = std::pin::pin!(interrupt::asked());
    loop {
        tokio::select! {
            written = &mut writing => return written,
            _ = tick.tick() => progress.at(done.now().read),
            _ = &mut asked => {
                // Once more, and nobody waits for a store that does not answer.
                if cancel.is_cancelled() {
                    return Err(WriteError::Cancelled);
                }
                note("interrupted: what was begun in the store is removed; interrupt again to leave it there");
                cancel.cancel();
                asked.set(interrupt::asked());
            }
        }
    }
}

/// A plan's prefix belongs to one operator, which counts, keeps and deletes what is in it.
async fn refuse_an_operators(store: &dyn Store, plan: &PlanKey) -> Result<(), Failure> {
    match store.head(&plan.owner_key()).await {
        Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(of_store(&error)),
        Ok(_) => Err(Failure::new(
            Exit::Storage,
            format!("{plan} in {} belongs to an operator", store.location()),
        )
        .hint("create an EtcdSnapshot in its cluster, or give another --plan")),
    }
}

fn of_source(error: EtcdError) -> SourceError {
    SourceError {
        reason: error.reason(),
        transient: error.is_transient(),
        source: Box::new(error),
    }
}

fn failure(error: &WriteError) -> Failure {
    let exit = match error {
        WriteError::Cancelled => return Failure::new(Exit::Interrupted, "interrupted: nothing was saved"),
        WriteError::ReadSource(_) => Exit::Etcd,
        error if error.is_of_source() => Exit::Unsound,
        _ => Exit::Storage,
    };
    Failure::of(exit, error)
}
