//! Runs the reconciles of one kind in one scope for one term of leadership.

use std::convert::Infallible;
use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use kube::Resource;
use kube::runtime::controller::{Action, Config, Error as ControllerError, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use tracing::{debug, error, warn};

use super::ReconcileError;
use super::error::Cure;
use crate::context::Context;
use crate::wake::Wake;

/// How many objects of one kind are looked at side by side. A look is short: what takes long is done elsewhere.
const SIDE_BY_SIDE: u16 = 16;

/// A reconcile of one kind.
pub(super) type Reconcile<K> = fn(Arc<K>, Arc<Context>) -> BoxFuture<'static, Result<Action, ReconcileError>>;

/// Looks at every object in `store` once, then at those that are woken, for ever. Dropping it ends the term:
/// everything is level-triggered, so a reconcile that is cut off is simply done again by whoever leads next.
pub async fn drive<K>(store: Store<K>, wake: &Wake<K>, context: Arc<Context>, reconcile: Reconcile<K>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
{
    // Listening comes first: what changes while the store is read is heard.
    let mut woken = wake.listen();
    for object in store.state() {
        wake.wake(ObjectRef::from_obj(&*object));
    }
    let queue = stream::poll_fn(move |cx| woken.poll_recv(cx)).map(Ok::<_, Infallible>);
    let guarded = move |object: Arc<K>, context: Arc<Context>| guarded(reconcile, object, context).boxed();
    let config = Config::default().concurrency(SIDE_BY_SIDE);
    let looks = applier(guarded, policy::<K>, context, store, queue, config);
    futures::pin_mut!(looks);
    while let Some(look) = looks.next().await {
        match look {
            Ok((object, _)) => debug!(%object, "Looked at"),
            // Woken and gone: there is nothing to look at.
            Err(ControllerError::ObjectNotFound(object)) => debug!(%object, "Gone"),
            // Told by the policy.
            Err(ControllerError::ReconcilerFailed(..)) => {}
            Err(other) => error!(error = %other, "The controller's queue is in trouble"),
        }
    }
}

/// A panic ends only this reconcile.
async fn guarded<K>(
    reconcile: Reconcile<K>,
    object: Arc<K>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError>
where
    K: Resource<DynamicType = ()>,
{
    context.tenure.fence()?;
    let key = key(&*object);
    let look = AssertUnwindSafe(async { reconcile(object, Arc::clone(&context)).await }).catch_unwind();
    // The payload could hold anything, so it is not shown; the panic hook has told where it was.
    let result = look.await.unwrap_or_else(|_| {
        context.shared.metrics.reconcile_panicked(&K::kind(&()));
        Err(ReconcileError::Panicked)
    });
    if result.is_ok() {
        context.backoffs.succeeded(&key);
    }
    result
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that kube asks for")]
fn policy<K>(object: Arc<K>, error: &ReconcileError, context: Arc<Context>) -> Action
where
    K: Resource<DynamicType = ()>,
{
    let key = key(&*object);
    match error.cure() {
        Cure::Change => {
            debug!(object = key, "Waiting for a change: {}", error.message());
            if matches!(error, ReconcileError::Undecodable(_)) {
                warn!(object = key, "{}", error.message());
            }
            Action::await_change()
        }
        Cure::Soon(pause) => {
            debug!(object = key, "Looking again: {}", error.message());
            Action::requeue(pause)
        }
        Cure::BackOff => {
            let pause = context.backoffs.failed(&key);
            warn!(
                object = key,
                retry_in_seconds = pause.as_secs_f32(),
                "{}",
                error.message()
            );
            Action::requeue(pause)
        }
    }
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    let meta = object.meta();
    let (namespace, name) = (
        meta.namespace.as_deref().unwrap_or(""),
        meta.name.as_deref().unwrap_or(""),
    );
    format!("{} {namespace}/{name}", K::kind(&()))
}
