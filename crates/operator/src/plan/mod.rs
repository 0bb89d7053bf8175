//! EtcdBackups: observe, decide, act, report.

mod act;
pub mod decide;
mod observe;
mod series;
pub mod timing;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Resource;
use kube::runtime::controller::Action;

use crate::cache::PlanObject;
use crate::context::Context;
use crate::reconcile::{ReconcileError, action};

/// One look at one EtcdBackup.
pub fn reconcile(
    object: Arc<PlanObject>,
    context: Arc<Context>,
) -> BoxFuture<'static, Result<Action, ReconcileError>> {
    async move {
        let plan = object
            .0
            .as_ref()
            .map_err(|error| ReconcileError::Undecodable(error.to_string()))?;
        let observed = observe::observe(plan, &context);
        let now = context.now();
        let decision = decide::decide(plan, &observed, now);
        act::act(plan, &decision, &context).await?;
        context
            .shared
            .events
            .publish(&plan.object_ref(&()), &decision.notes)
            .await;
        series::show(plan, &observed, &decision, &context, now);
        Ok(action(decision.again, now))
    }
    .boxed()
}
