//! The rules of the yard, with work that does nothing but obey the test, on paused time.

mod again;
mod known;
mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::Catalogue;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

use super::bench::prune;
use crate::connect::Failure;
use crate::upkeep::{Bounds, Job, Tend, Tended, Upkeep, Work};

#[derive(Clone)]
enum Act {
    Succeed,
    Fail(Failure),
    /// The store answers, and etcd cannot be asked.
    NoEtcd(Failure),
    Hang,
    Panic,
}

/// What was done for a plan, and when.
type Done = (String, Work, Instant);

#[derive(Default)]
struct Fake {
    acts: Mutex<BTreeMap<String, Act>>,
    done: Mutex<Vec<Done>>,
    active: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Tend for Fake {
    async fn tend(&self, plan: &EtcdBackup, work: &Work) -> Tended {
        self.most
            .fetch_max(self.active.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.done
            .lock()
            .unwrap()
            .push((plan.name_any(), work.clone(), Instant::now()));
        let act = self
            .acts
            .lock()
            .unwrap()
            .get(&plan.name_any())
            .cloned()
            .unwrap_or(Act::Succeed);
        if matches!(act, Act::Hang) {
            std::future::pending::<()>().await;
        }
        sleep(Duration::from_secs(1)).await;
        self.active.fetch_sub(1, Ordering::SeqCst);
        match act {
            Act::Fail(failure) => Tended::failed(work, &failure),
            Act::Panic => panic!("a bug"),
            act @ (Act::Succeed | Act::Hang | Act::NoEtcd(_)) => Tended {
                location: Some("memory:".into()),
                catalogue: Ok(Arc::new(Catalogue::default())),
                etcd: Some(match act {
                    Act::NoEtcd(failure) => Err(failure),
                    _ => Ok(()),
                }),
                create_only: None,
                retention: None,
                deletion: None,
            },
        }
    }
}

struct Bench {
    fake: Arc<Fake>,
    upkeep: Upkeep,
    wakes: UnboundedReceiver<ObjectRef<EtcdBackup>>,
}

fn bench() -> Bench {
    let fake = Arc::new(Fake::default());
    let (wake, wakes) = unbounded_channel();
    let clock = Arc::new(|| DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let upkeep = Upkeep::new(Arc::clone(&fake) as Arc<dyn Tend>, Bounds::default(), wake, clock);
    Bench { fake, upkeep, wakes }
}

fn plan(name: &str, generation: i64) -> Arc<EtcdBackup> {
    plan_of("prod", name, generation)
}

fn plan_of(namespace: &str, name: &str, generation: i64) -> Arc<EtcdBackup> {
    let object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{name}"), "generation": generation},
        "spec": {"etcd": {"endpoints": ["https://etcd:2379"]}, "storage": {"local": {"path": "/backups"}}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

impl Bench {
    fn acts(&self, name: &str, act: Act) {
        self.fake.acts.lock().unwrap().insert(name.to_owned(), act);
    }

    async fn woken(&mut self) -> String {
        timeout(Duration::from_hours(2), self.wakes.recv())
            .await
            .unwrap()
            .unwrap()
            .name
    }

    fn done(&self) -> Vec<Done> {
        self.fake.done.lock().unwrap().clone()
    }
}
