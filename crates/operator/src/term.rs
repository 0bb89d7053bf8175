//! One term of leadership: every controller in every scope, until the lead is lost or the process ends.

use std::sync::Arc;

use futures::future::join_all;
use kube::ResourceExt;
use tracing::info;

use crate::context::{Context, Scope, Shared};
use crate::lease::Tenure;
use crate::reconcile::{Backoffs, drive};
use crate::{plan, restore, snapshot};

/// Acts for as long as `tenure` lasts. When the caller drops it instead, the process ends.
///
/// A lost term leaves nothing behind that would act: the runs are stopped (their own fence stopped them before),
/// upkeep stands down, and what the stores said is forgotten, since another process acts on them now.
pub(crate) async fn serve(shared: &Shared, scopes: &[Arc<Scope>], tenure: Tenure) {
    info!(identity = shared.identity, "Leading");
    shared.ledger.clear();
    let backoffs = Arc::new(Backoffs::default());
    let drives = scopes.iter().map(|scope| {
        let context = Arc::new(Context {
            shared: shared.clone(),
            scope: Arc::clone(scope),
            tenure: tenure.clone(),
            backoffs: Arc::clone(&backoffs),
        });
        drive_scope(Arc::clone(scope), context)
    });
    tokio::select! {
        _ = join_all(drives) => {}
        () = tenure.lost() => {}
    }
    info!("No longer leading");
    shared.runs.stand_down();
    shared.upkeep.stand_down();
    shared.errands.stand_down();
    shared.drills.stand_down();
    for plan in scopes.iter().flat_map(|scope| scope.cache.plans().state()) {
        shared
            .metrics
            .forget_plan(&plan.namespace().unwrap_or_default(), &plan.name_any());
    }
}

async fn drive_scope(scope: Arc<Scope>, context: Arc<Context>) {
    // A reconcile of either kind reads both caches: half-filled ones would look like deleted objects.
    let filled = async {
        scope.cache.plans().wait_until_ready().await?;
        scope.cache.snapshots().wait_until_ready().await?;
        // What a restore reads must be known before anything is pruned. Where none is carried out, nothing is read.
        if context.shared.job_policy.restores {
            scope.cache.restores().wait_until_ready().await?;
        }
        Ok::<_, kube::runtime::reflector::store::WriterDropped>(())
    };
    if filled.await.is_err() {
        // The watch was dropped: the process ends.
        return;
    }
    let plans = drive(
        scope.cache.plans().clone(),
        &scope.plans,
        Arc::clone(&context),
        plan::reconcile,
    );
    let snapshots = drive(
        scope.cache.snapshots().clone(),
        &scope.snapshots,
        Arc::clone(&context),
        snapshot::reconcile,
    );
    let restores = async {
        if scope.cache.restores().wait_until_ready().await.is_err() {
            return;
        }
        drive(
            scope.cache.restores().clone(),
            &scope.restores,
            context,
            restore::reconcile,
        )
        .await;
    };
    tokio::join!(plans, snapshots, restores);
}
