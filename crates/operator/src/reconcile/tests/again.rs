//! Coming again, and what one bug does to others.

use super::*;

/// Panics for the plan `bad`, tells of the others.
fn fragile(
    object: Arc<PlanObject>,
    context: Arc<Context>,
) -> BoxFuture<'static, Result<Action, ReconcileError>> {
    async move {
        assert!(object.name_any() != "bad", "a bug with a secret");
        context.shared.ledger.asked(&object.name_any(), context.now());
        Ok(Action::await_change())
    }
    .boxed()
}

#[tokio::test]
async fn a_panic_in_one_reconcile_does_not_stop_the_others() {
    let mut bench = Bench::new();
    bench.writers.plans.apply_watcher_event(&Event::Init);
    for name in ["a", "bad", "c"] {
        let named = plan(json!({"metadata": {"name": name}}));
        bench
            .writers
            .plans
            .apply_watcher_event(&Event::InitApply(DeserializeGuard(Ok(named))));
    }
    bench.writers.plans.apply_watcher_event(&Event::InitDone);
    let (scope, context) = (Arc::clone(&bench.context.scope), Arc::clone(&bench.context));
    let seen = Arc::clone(&bench.context);
    let looked = |name: &str| seen.shared.ledger.since(name, at("06:00:01")).is_some();
    let driving =
        tokio::spawn(async move { drive(scope.cache.plans().clone(), &scope.plans, context, fragile).await });
    let counted = || {
        let text = seen.shared.metrics.encode().unwrap();
        text.contains(r#"etcd_backup_reconcile_panics_total{kind="EtcdBackup"} 1"#)
    };
    let both = async {
        while !(looked("a") && looked("c") && counted()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), both)
        .await
        .expect("the others are looked at, and the bug is counted");
    assert!(!driving.is_finished(), "the controller goes on");
    driving.abort();
}

#[test]
fn an_object_comes_again_exactly_when_it_asked_to() {
    assert_eq!(
        super::super::action(Some(at("06:00:00")), at("05:59:30")),
        Action::requeue(Duration::from_secs(30))
    );
    assert_eq!(
        super::super::action(Some(at("06:00:00")), at("06:00:30")),
        Action::requeue(Duration::ZERO)
    );
    assert_eq!(super::super::action(None, at("06:00:00")), Action::await_change());
}

#[test]
fn a_long_sleep_is_cut_so_that_a_clock_that_is_set_does_no_harm() {
    assert_eq!(
        super::super::action(Some(at("18:00:00")), at("06:00:00")),
        Action::requeue(super::super::LONGEST_SLEEP)
    );
}
