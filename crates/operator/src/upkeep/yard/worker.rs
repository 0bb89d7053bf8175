//! The work on one plan: one piece after the other, within its share of the places, with pauses after failures.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use etcd_backup_api::EtcdBackup;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Instrument, error, info_span, warn};

use super::Yard;
use crate::connect::Failure;
use crate::upkeep::known::UpkeepResult;
use crate::upkeep::work::{Tended, Work};

impl Yard {
    /// Works on one plan until nothing is left to do.
    pub(super) async fn work(self: Arc<Self>, uid: String) {
        loop {
            while let Some((until, sooner)) = self.pause_left(&uid) {
                tokio::select! {
                    () = sleep_until(until) => {}
                    () = sooner.notified() => {}
                }
            }
            let Some(share) = self.share(&uid) else { return };
            let Ok(_share) = share.acquire().await else { return };
            let Ok(_place) = self.places.acquire().await else {
                return;
            };
            let Some((plan, work)) = self.next(&uid) else {
                return;
            };
            let tended = self.tend_within_deadline(&plan, &work).await;
            if !self.note(&uid, &plan, &work, tended) {
                return;
            }
            let _ = self.wake.send(ObjectRef::from_obj(&*plan));
        }
    }

    /// Until when to wait because of an earlier failure, and what may end the wait sooner.
    fn pause_left(&self, uid: &str) -> Option<(Instant, Arc<Notify>)> {
        let plots = self.lock();
        let plot = plots.get(uid).filter(|plot| plot.not_before > Instant::now())?;
        Some((plot.not_before, Arc::clone(&plot.sooner)))
    }

    /// What the plan's namespace may hold of the places. Where there is only one place, it is for whoever comes.
    fn share(&self, uid: &str) -> Option<Arc<Semaphore>> {
        let namespace = self.lock().get(uid)?.plan.namespace().unwrap_or_default();
        let most = self.bounds.max_concurrent.saturating_sub(1).max(1);
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares
            .entry(namespace)
            .or_insert_with(|| Arc::new(Semaphore::new(most)));
        Some(Arc::clone(share))
    }

    /// Takes what waits; `None` ends the worker.
    fn next(&self, uid: &str) -> Option<(Arc<EtcdBackup>, Work)> {
        let mut plots = self.lock();
        let plot = plots.get_mut(uid)?;
        if plot.pending.is_empty() {
            plot.worker = None;
            return None;
        }
        Some((Arc::clone(&plot.plan), std::mem::take(&mut plot.pending)))
    }

    /// In a task of its own, so that a panic ends only this piece of work; aborted together with the worker.
    async fn tend_within_deadline(&self, plan: &Arc<EtcdBackup>, work: &Work) -> Tended {
        let span = info_span!("upkeep", namespace = plan.namespace(), plan = plan.name_any());
        let mut tasks = tokio::task::JoinSet::new();
        let (tend, owned_plan, owned_work) = (Arc::clone(&self.tend), Arc::clone(plan), work.clone());
        tasks.spawn(async move { tend.tend(&owned_plan, &owned_work).await }.instrument(span.clone()));
        let failure = match timeout(self.bounds.deadline, tasks.join_next()).await {
            Ok(Some(Ok(tended))) => return tended,
            Ok(_) => {
                span.in_scope(|| error!("upkeep ended in a bug of the operator"));
                Failure::transient(
                    "Internal",
                    "looking after the store ended in a bug of the operator",
                )
            }
            Err(_) => Failure::transient(
                "DeadlineExceeded",
                format!(
                    "looking after the store took longer than {}s",
                    self.bounds.deadline.as_secs()
                ),
            ),
        };
        Tended::failed(work, &failure)
    }

    /// Keeps the result and decides when to work again. `false`: the plan was forgotten meanwhile.
    fn note(&self, uid: &str, plan: &EtcdBackup, work: &Work, tended: Tended) -> bool {
        let mut plots = self.lock();
        let Some(plot) = plots.get_mut(uid) else {
            return false;
        };
        let unfinished = tended.unfinished(work);
        if unfinished.is_empty() {
            plot.failures = 0;
        } else {
            plot.failures = plot.failures.saturating_add(1);
            let pause = self.pause(plot.failures);
            plot.not_before = Instant::now() + pause;
            plot.pending.put_back(unfinished);
            let etcd = tended.etcd.as_ref().and_then(|etcd| etcd.as_ref().err());
            if let Some(failure) = tended.catalogue.as_ref().err().or(etcd) {
                warn!(
                    plan = plot.plan.name_any(),
                    namespace = plot.plan.namespace(),
                    reason = failure.reason,
                    retry_seconds = pause.as_secs(),
                    "{}",
                    failure.message
                );
            }
        }
        let earlier = plot.result.take();
        plot.result = Some(Arc::new(UpkeepResult::after(
            earlier.as_deref(),
            plan,
            tended,
            (self.clock)(),
        )));
        true
    }

    /// Doubles with each failure.
    fn pause(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.bounds
            .first_pause
            .saturating_mul(1 << doublings)
            .min(self.bounds.longest_pause)
    }
}
