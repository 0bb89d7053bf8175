//! What is kept of what was found out before.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_earlier_retention_stays_in_the_result_of_a_later_listing() {
    let mut bench = bench();
    bench.acts(
        "main",
        Act::Fail(Failure::lasting("PrefixInUse", "somebody else's")),
    );
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    bench.acts("main", Act::Succeed);
    bench.upkeep.request(plan("main", 1), Job::Sync);
    bench.woken().await;
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(result.found.catalogue.is_ok() && result.found.retention.as_ref().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_found_in_another_store_does_not_stay() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    let denied = Failure::lasting("InvalidCredentials", "no");
    bench.acts("main", Act::Fail(denied));
    let mut moved = EtcdBackup::clone(&plan("main", 2));
    let elsewhere = |plan: &mut EtcdBackup, path: &str| {
        path.clone_into(&mut plan.spec.storage.local.as_mut().unwrap().path);
    };
    // What cannot be opened has no place of its own.
    for (path, location) in [("/backups", Some("memory:")), ("/elsewhere", None)] {
        elsewhere(&mut moved, path);
        bench.upkeep.request(Arc::new(moved.clone()), Job::Sync);
        bench.woken().await;
        let result = bench.upkeep.result("uid-main").unwrap();
        assert_eq!(result.found.location.as_deref(), location, "{path}");
        assert_eq!(result.found.etcd, Some(Ok(())), "the etcd is the same: {path}");
        assert!(result.is_of_store(&moved) && result.is_of_etcd(&moved));
    }
    moved.spec.etcd.endpoints = vec!["https://another:2379".to_owned()];
    assert!(!bench.upkeep.result("uid-main").unwrap().is_of_etcd(&moved));
    bench.upkeep.request(Arc::new(moved), Job::Sync);
    bench.woken().await;
    assert_eq!(bench.upkeep.result("uid-main").unwrap().found.etcd, None);
}
