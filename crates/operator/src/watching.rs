//! The watches of one scope, and whom each change wakes.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::select_all;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::watch;

use crate::admin::{Check, Health};
use crate::cache::{
    Cache, Key, PlanObject, RestoreObject, Seen, SnapshotObject, WatchTrouble, Writers, follow,
};
use crate::context::{Scope, Shared};
use crate::there::look_for;
use crate::wake::Wake;

/// An empty scope and what fills it.
pub(crate) fn scope(namespace: Option<String>) -> (Arc<Scope>, Watches) {
    let writers = Writers::default();
    let cache = Cache::new(&writers);
    let there = watch::Sender::new(namespace.as_ref().map(|_| WatchTrouble::not_yet()));
    let scope = Arc::new(Scope {
        namespace,
        cache,
        plans: Wake::default(),
        snapshots: Wake::default(),
        restores: Wake::default(),
    });
    let [plans, snapshots, restores] =
        [(), (), ()].map(|()| watch::Sender::new(Some(WatchTrouble::not_yet())));
    (
        scope,
        Watches {
            writers,
            plans,
            snapshots,
            restores,
            there,
        },
    )
}

/// The watches of a scope before they run.
#[derive(Debug)]
pub(crate) struct Watches {
    writers: Writers,
    plans: watch::Sender<Option<WatchTrouble>>,
    snapshots: watch::Sender<Option<WatchTrouble>>,
    restores: watch::Sender<Option<WatchTrouble>>,
    /// Of the namespace itself.
    there: watch::Sender<Option<WatchTrouble>>,
}

/// What a watch reports: why it does not work, while it does not.
pub(crate) type Report = watch::Receiver<Option<WatchTrouble>>;

impl Watches {
    /// What the watches of plans, snapshots and restores report, and whether their namespace is there.
    pub(crate) fn reports(&self) -> [Report; 4] {
        [
            self.plans.subscribe(),
            self.snapshots.subscribe(),
            self.restores.subscribe(),
            self.there.subscribe(),
        ]
    }

    /// Watches every kind for ever.
    pub(crate) async fn run(self, shared: Shared, scope: Arc<Scope>) {
        let namespace = scope.namespace.as_deref();
        let plans = follow(
            api::<PlanObject>(&shared.client, namespace),
            "etcdbackups",
            self.writers.plans,
            self.plans,
            |seen| plan_changed(&shared, &scope, &seen),
        );
        let snapshots = follow(
            api::<SnapshotObject>(&shared.client, namespace),
            "etcdsnapshots",
            self.writers.snapshots,
            self.snapshots,
            |seen| snapshot_changed(&shared, &scope, &seen),
        );
        let restores = follow(
            api::<RestoreObject>(&shared.client, namespace),
            "etcdrestores",
            self.writers.restores,
            self.restores,
            |seen| restore_changed(&shared, &scope, &seen),
        );
        let there = async {
            if let Some(namespace) = namespace {
                look_for(&shared.client, namespace, &self.there).await;
            }
        };
        tokio::join!(plans, snapshots, restores, there);
    }
}

/// Keeps the health of this process current with what the watches of all scopes report.
///
/// Restores count only where they are carried out: an operator whose definitions are older than itself still backs up.
pub(crate) async fn keep_ready(
    health: Health,
    plans: Vec<Report>,
    snapshots: Vec<Report>,
    restores: Vec<Report>,
    namespaces: Vec<Report>,
) {
    // The same ones in every turn: each remembers what it has seen.
    let all = plans.iter().chain(&snapshots).chain(&restores).chain(&namespaces);
    let mut all: Vec<Report> = all.cloned().collect();
    loop {
        show(&health, Check::Plans, &plans);
        show(&health, Check::Snapshots, &snapshots);
        show(&health, Check::Restores, &restores);
        show(&health, Check::Namespaces, &namespaces);
        let undefined = |report: &Report| report.borrow().clone().filter(|trouble| trouble.undefined);
        match all.iter().find_map(undefined) {
            Some(trouble) => health.not_ready(Check::Definitions, trouble.text),
            None => health.ready(Check::Definitions),
        }
        let changes = all.iter_mut().map(|report| report.changed().boxed());
        if select_all(changes).await.0.is_err() {
            return;
        }
    }
}

fn show(health: &Health, check: Check, reports: &[Report]) {
    match reports.iter().find_map(|report| report.borrow().clone()) {
        Some(trouble) => health.not_ready(check, trouble.text),
        None => health.ready(check),
    }
}

/// The API of a kind, in one namespace or in all.
fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// A plan's own reconcile, and those of its snapshots: they read it.
fn plan_changed(shared: &Shared, scope: &Scope, seen: &Seen<'_, PlanObject>) {
    let plan = match seen {
        Seen::Applied(plan) => {
            hold_drilled(shared, plan);
            plan
        }
        Seen::Deleted(plan) => {
            let uid = plan.uid().unwrap_or_default();
            shared.in_use.release(&uid);
            shared.drills.forget(&uid);
            shared
                .metrics
                .forget_plan(&plan.namespace().unwrap_or_default(), &plan.name_any());
            shared.upkeep.forget(&uid);
            shared.ledger.forget(&uid);
            plan
        }
        Seen::Listed => {
            for plan in scope.cache.plans().state() {
                hold_drilled(shared, &plan);
            }
            return wake_all(scope);
        }
    };
    let namespace = plan.namespace().unwrap_or_default();
    scope.plans.wake(ObjectRef::from_obj(*plan));
    for name in scope.cache.index().of_plan(&namespace, &plan.name_any()) {
        scope.snapshots.wake(ObjectRef::new(&name).within(&namespace));
    }
}

/// What a drill reads stays until the plan's own reconcile says that it is over.
fn hold_drilled(shared: &Shared, plan: &PlanObject) {
    let status = plan.0.as_ref().ok().and_then(|plan| plan.status.as_ref());
    let running = status.and_then(|status| status.drill.as_ref()?.running.as_ref());
    if let Some(running) = running {
        shared
            .in_use
            .hold(&plan.uid().unwrap_or_default(), &running.source.run_id);
    }
}

/// A snapshot's own reconcile, and its plan's. One that is gone takes its run with it.
fn snapshot_changed(shared: &Shared, scope: &Scope, seen: &Seen<'_, SnapshotObject>) {
    let index = scope.cache.index();
    match seen {
        Seen::Applied(snapshot) => {
            let key = Key::of(snapshot);
            index
                .put(&key)
                .iter()
                .for_each(|before| shared.runs.forget(&before.uid));
            scope.snapshots.wake(ObjectRef::from_obj(*snapshot));
            wake_plan(scope, &key);
        }
        Seen::Deleted(snapshot) => {
            let key = Key::of(snapshot);
            index.remove(&key);
            shared.runs.forget(&key.uid);
            shared.own_writes.forget(&key.uid);
            wake_plan(scope, &key);
        }
        Seen::Listed => {
            let keys: Vec<Key> = scope
                .cache
                .snapshots()
                .state()
                .iter()
                .map(|object| Key::of(object))
                .collect();
            index
                .replace(&keys)
                .iter()
                .for_each(|gone| shared.runs.forget(&gone.uid));
            wake_all(scope);
        }
    }
}

/// A restore's own reconcile, and those of the others: one that ended gives its targets free. What it reads stays as long as
/// it reads.
fn restore_changed(shared: &Shared, scope: &Scope, seen: &Seen<'_, RestoreObject>) {
    match seen {
        Seen::Applied(restore) => shared.in_use.follow(restore),
        Seen::Deleted(restore) => {
            let uid = restore.uid().unwrap_or_default();
            shared.in_use.release(&uid);
            shared.errands.forget(&uid);
            shared.own_writes.forget(&uid);
        }
        Seen::Listed => {}
    }
    for restore in scope.cache.restores().state() {
        if matches!(seen, Seen::Listed) {
            shared.in_use.follow(&restore);
        }
        scope.restores.wake(ObjectRef::from_obj(&*restore));
    }
}

fn wake_plan(scope: &Scope, key: &Key) {
    scope.plans.wake(ObjectRef::new(&key.plan).within(&key.namespace));
}

fn wake_all(scope: &Scope) {
    scope
        .cache
        .plans()
        .state()
        .iter()
        .for_each(|plan| scope.plans.wake(ObjectRef::from_obj(&**plan)));
    scope
        .cache
        .snapshots()
        .state()
        .iter()
        .for_each(|one| scope.snapshots.wake(ObjectRef::from_obj(&**one)));
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// In a runtime, since that takes its turn from a task that never waits.
    #[tokio::test]
    async fn what_was_seen_of_a_watch_is_not_looked_at_again() {
        let health = Health::default();
        let (watch, report) = watch::channel(Some(WatchTrouble::not_yet()));
        let mut keeping = pin!(keep_ready(health.clone(), vec![report], vec![], vec![], vec![]));
        let woken = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut look = || keeping.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(look(), Poll::Pending);
        assert!(!health.report().0);
        watch.send_replace(None);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(look(), Poll::Pending);
        // A task that took its whole turn is woken when it has yielded.
        tokio::task::yield_now().await;
        assert_eq!(woken.0.load(Ordering::Relaxed), 1, "it looks without end");
        assert!(health.report().0);
    }
}
