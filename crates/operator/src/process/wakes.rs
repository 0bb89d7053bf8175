//! Wake-ups on their way from what works beside the reconciles to the scope that watches the object.

use std::sync::Arc;

use etcd_backup_api::{EtcdBackup, EtcdRestore, EtcdSnapshot};
use kube::runtime::reflector::{Lookup, ObjectRef};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Process;
use crate::context::Scope;
use crate::wake::Wake;

/// Where what is to be looked at again is sent.
pub(super) struct Wakes {
    pub(super) plans: UnboundedSender<ObjectRef<EtcdBackup>>,
    pub(super) snapshots: UnboundedSender<ObjectRef<EtcdSnapshot>>,
    pub(super) restores: UnboundedSender<ObjectRef<EtcdRestore>>,
}

/// Where it arrives.
pub(super) struct Woken {
    plans: UnboundedReceiver<ObjectRef<EtcdBackup>>,
    snapshots: UnboundedReceiver<ObjectRef<EtcdSnapshot>>,
    restores: UnboundedReceiver<ObjectRef<EtcdRestore>>,
}

pub(super) fn channels() -> (Wakes, Woken) {
    let (plans, plans_woken) = unbounded_channel();
    let (snapshots, snapshots_woken) = unbounded_channel();
    let (restores, restores_woken) = unbounded_channel();
    let wakes = Wakes {
        plans,
        snapshots,
        restores,
    };
    let woken = Woken {
        plans: plans_woken,
        snapshots: snapshots_woken,
        restores: restores_woken,
    };
    (wakes, woken)
}

impl Process {
    /// Hands the wake-ups of runs, upkeep, drills and restores to the scope that watches the object.
    pub(super) fn hand_on(&mut self, woken: Woken) {
        let scopes = || self.scopes.clone();
        let plans = each(woken.plans, scopes(), |scope| &scope.plans);
        let snapshots = each(woken.snapshots, scopes(), |scope| &scope.snapshots);
        let restores = each(woken.restores, scopes(), |scope| &scope.restores);
        self.spawn("the wake-ups of plans", plans);
        self.spawn("the wake-ups of snapshots", snapshots);
        self.spawn("the wake-ups of restores", restores);
    }
}

/// Wakes in its scope whatever is received. `K` is the kind, `O` how it is cached.
async fn each<K, O>(
    mut woken: UnboundedReceiver<ObjectRef<K>>,
    scopes: Vec<Arc<Scope>>,
    queue: impl Fn(&Scope) -> &Wake<O>,
) where
    K: Lookup<DynamicType = ()> + 'static,
    O: Lookup<DynamicType = ()> + 'static,
{
    while let Some(object) = woken.recv().await {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        if let Some(scope) = scopes.iter().find(|scope| scope.covers(namespace)) {
            queue(scope).wake(ObjectRef::new(&object.name).within(namespace));
        }
    }
}
