//! Looks at snapshots while the watch has not shown an edit of their plan.

use super::*;
use crate::fixtures::manifest;
use crate::runs::{SnapshotId, Taken};

const READ: &str = "GET ns/etcdbackups/prod";
const STATUS: &str = "PATCH ns/etcdsnapshots/prod-1/status";

/// The plan in its second generation.
fn edited(spec: Value) -> EtcdBackup {
    let mut changes = json!({"metadata": {"generation": 2, "creationTimestamp": "2026-11-23T05:30:00Z"}});
    changes["spec"] = spec;
    plan(changes)
}

/// One whose plan was listed before it was edited, of which the watch says nothing yet.
async fn behind(edited: &EtcdBackup) -> Bench {
    let mut bench = Bench::new();
    bench.show_plan(&due());
    bench.list(&due()).await;
    bench.has_plan(edited);
    bench
}

fn asked_for(bench: &Bench) -> Option<EtcdBackup> {
    match bench.context.shared.runs.state("snapshot-uid") {
        Some(RunState::Queued { plan }) => Some((*plan).clone()),
        _ => None,
    }
}

/// The pool takes nothing.
fn full(bench: &mut Bench) {
    let limits = Limits {
        max_concurrent: 0,
        ..Limits::default()
    };
    let shared = &bench.context.shared;
    let (wake, metrics, clock) = (
        unbounded_channel().0,
        Arc::clone(&shared.metrics),
        Arc::clone(&shared.clock),
    );
    let runs = Runs::new(Arc::new(Endless), limits, wake, metrics, clock);
    Arc::get_mut(&mut bench.context).unwrap().shared.runs = runs;
}

#[tokio::test]
async fn a_run_gets_the_plan_as_it_is_and_not_as_the_watch_shows_it() {
    let other_etcd = edited(json!({"etcd": {"endpoints": ["https://10.0.0.2:2379"]}}));
    let mut bench = behind(&other_etcd).await;
    full(&mut bench);
    bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap();
    assert_eq!(bench.server.asked(), [READ, STATUS]);
    assert_eq!(asked_for(&bench).unwrap().spec.etcd, other_etcd.spec.etcd);
    // The claim is not taken back for what the watch shows meanwhile, which is older.
    let claimed = json!({"phase": "Pending", "owner": ME, "attempts": 1});
    let claimed = snapshot(json!({"metadata": {"resourceVersion": "10"}, "status": claimed}));
    bench.look_at_snapshot(&claimed).await.unwrap();
    assert!(asked_for(&bench).is_some());
    // But for another edit it is.
    bench.show_plan(&plan(json!({"metadata": {"generation": 3}})));
    bench.look_at_snapshot(&claimed).await.unwrap();
    assert!(bench.context.shared.runs.state("snapshot-uid").is_none());
    let taken_back = bench.server.bodies(STATUS).pop().unwrap();
    assert_eq!(taken_back["status"]["owner"], Value::Null);
}

#[tokio::test]
async fn a_run_waits_until_the_store_is_listed_that_its_plan_names_by_now() {
    let mut bench = behind(&edited(json!({"storage": {"s3": {"bucket": "others"}}}))).await;
    bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap();
    assert!(bench.context.shared.runs.state("snapshot-uid").is_none());
    let said = bench.server.body(STATUS);
    assert_eq!(said["status"]["message"], "waiting for the store to be listed");
}

#[tokio::test]
async fn a_plan_that_is_gone_or_cannot_be_read_begins_nothing_and_says_so() {
    let gone = (404, refusal(404, "NotFound"), "PlanNotFound");
    let forbidden = (403, refusal(403, "cannot get resource"), "PlanUnreadable");
    let ill = (503, refusal(503, "ServiceUnavailable"), "PlanUnreadable");
    for (code, answer, reason) in [gone, forbidden, ill] {
        let mut bench = behind(&due()).await;
        bench
            .server
            .answers(Method::GET, "/etcdbackups/prod", code, answer);
        bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap();
        assert!(bench.context.shared.runs.state("snapshot-uid").is_none());
        assert_eq!(bench.server.body(STATUS)["status"]["reason"], reason);
    }
}

/// Runs that are over at once, with this in that store.
struct Stores(&'static str);

#[async_trait]
impl Execute for Stores {
    async fn execute(&self, request: &RunRequest, _: Arc<Progress>, _: CancellationToken) -> RunResult {
        let SnapshotId { name, uid, .. } = &request.snapshot;
        Ok(Arc::new(Taken {
            manifest: manifest(Some((name, uid))),
            location: Some(self.0.to_owned()),
        }))
    }
}

/// What the status says of a run that ended in the store before its plan was edited, whose new store was listed since or not; and
/// what was written at the next look.
async fn ended_elsewhere(bench: &mut Bench, moved: &EtcdBackup, is_listed: bool) -> (Value, Vec<Value>) {
    let shared = &bench.context.shared;
    let (wake, mut woken) = unbounded_channel();
    let (metrics, clock) = (Arc::clone(&shared.metrics), Arc::clone(&shared.clock));
    let stores = Arc::new(Stores("s3://backups/here"));
    let runs = Runs::new(stores, Limits::default(), wake, metrics, clock);
    Arc::get_mut(&mut bench.context).unwrap().shared.runs = runs;
    bench.show_plan(&due());
    bench.list(&due()).await;
    bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap();
    while !matches!(
        bench.context.shared.runs.state("snapshot-uid"),
        Some(RunState::Done(_))
    ) {
        woken.recv().await.unwrap();
    }
    bench.show_plan(moved);
    if is_listed {
        bench.list(moved).await;
    }
    let claim = json!({"phase": "Pending", "owner": ME, "attempts": 1});
    let claimed = snapshot(json!({"metadata": {"resourceVersion": "10"}, "status": claim}));
    bench.look_at_snapshot(&claimed).await.unwrap();
    let said = bench.server.bodies(STATUS).pop().unwrap()["status"].clone();
    let mut status = json!({"metadata": {"resourceVersion": "11"}, "status": claim});
    crate::fixtures::merge(&mut status, json!({ "status": said }));
    bench.list(moved).await;
    let before = bench.server.bodies(STATUS).len();
    bench.look_at_snapshot(&snapshot(status)).await.unwrap();
    (said, bench.server.bodies(STATUS).split_off(before))
}

#[tokio::test]
async fn a_snapshot_says_where_it_is_and_not_where_its_plan_stores_by_now() {
    let moved = edited(json!({"storage": {"s3": {"bucket": "others"}}}));
    for is_listed in [false, true] {
        let mut bench = Bench::new();
        let (said, later) = ended_elsewhere(&mut bench, &moved, is_listed).await;
        assert_eq!(said["phase"], "Succeeded");
        let url = said["object"]["url"].as_str().unwrap();
        assert!(url.starts_with("s3://backups/here/ns/prod/cdf8"), "{url}");
        assert_eq!(
            later,
            [] as [Value; 0],
            "it lacks nothing that the new store should have"
        );
        bench.look_at_plan(&moved).await.unwrap();
        let plan = bench.server.body("PATCH ns/etcdbackups/prod/status")["status"].clone();
        assert_eq!(
            (&plan["snapshots"], &plan["lastSuccess"]),
            (&json!(0), &Value::Null)
        );
    }
}
