//! EtcdSnapshots: observe, decide, act, report.

mod act;
pub mod decide;
mod identity;
mod observe;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use self::decide::RunAction;
pub(crate) use identity::Identity;
pub(crate) use observe::run_of_back;

use crate::cache::SnapshotObject;
use crate::context::Context;
use crate::reconcile::{ReconcileError, action};

/// One look at one EtcdSnapshot.
pub fn reconcile(
    object: Arc<SnapshotObject>,
    context: Arc<Context>,
) -> BoxFuture<'static, Result<Action, ReconcileError>> {
    async move {
        let snapshot = object
            .0
            .as_ref()
            .map_err(|error| ReconcileError::Undecodable(error.to_string()))?;
        let (uid, version) = (snapshot.uid().unwrap_or_default(), snapshot.resource_version());
        if context.shared.own_writes.are_newer_than(&uid, version.as_deref()) {
            return Ok(Action::await_change());
        }
        let mut observed = observe::observe(snapshot, &context);
        let now = context.now();
        let mut decision = decide::decide(snapshot, &observed, now);
        if decision.run == RunAction::ReadPlan {
            observed = observe::just_read(snapshot, &context).await;
            decision = decide::decide(snapshot, &observed, now);
        }
        act::act(snapshot, &observed, &decision, &context).await?;
        context
            .shared
            .events
            .publish(&snapshot.object_ref(&()), &decision.notes)
            .await;
        Ok(action(decision.again, now))
    }
    .boxed()
}
