//! EtcdRestores: observe, decide, act, report.
//!
//! ```text
//! Pending ─► Resolving ─► Preparing ──────────► Committing ─► [Starting ─► Verifying] ─► Succeeded
//!              which        stop the members,     rename        start       ask
//!              snapshot     build beside the
//!                           old data
//!                              │ a member fails
//!                              └─► Undoing ─► Failed, with every target's old data in place
//! ```
//!
//! Members are stopped and started only where a StatefulSet runs them, and asked only where it is known where they are.
//!
//! The work at the targets is done by Jobs, one for each member and step. Unlike the other controllers this one asks the
//! API server at each look, for a restore's own Jobs and pods: there are few restores, and none most of the time.

mod act;
mod clash;
mod cluster;
pub mod decide;
pub mod errands;
pub mod in_use;
pub mod job;
mod names;
mod observe;
pub(crate) mod resolve;
pub mod stateful_set;
pub mod targets;
pub(crate) mod verify;
mod wal_dir;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

pub use errands::{Errand, Errands};
pub use in_use::InUse;
pub use resolve::Resolved;
pub use verify::Agreement;

use crate::cache::RestoreObject;
use crate::context::Context;
use crate::reconcile::{ReconcileError, action};

/// One look at one EtcdRestore.
pub fn reconcile(
    object: Arc<RestoreObject>,
    context: Arc<Context>,
) -> BoxFuture<'static, Result<Action, ReconcileError>> {
    async move {
        let restore = object
            .0
            .as_ref()
            .map_err(|error| ReconcileError::Undecodable(error.to_string()))?;
        let (uid, version) = (restore.uid().unwrap_or_default(), restore.resource_version());
        if context.shared.own_writes.are_newer_than(&uid, version.as_deref()) {
            return Ok(Action::await_change());
        }
        let observed = observe::observe(restore, &context).await;
        let now = context.now();
        let decision = decide::decide(restore, &observed, now);
        act::act(restore, &decision, &context).await?;
        context
            .shared
            .events
            .publish(&restore.object_ref(&()), &decision.notes)
            .await;
        Ok(action(decision.again, now))
    }
    .boxed()
}
