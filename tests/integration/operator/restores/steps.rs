//! One member's Job, run by hand: killed, run twice, out of order.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    s3::{Fault, Operation, S3Server},
    wait,
};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{PodSpec, Secret},
};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::{
    container::{Container, Ended},
    disk::{holds_old, is_untouched, names},
    members::Members,
    scene::Scene,
};
use crate::operator::{data, plan::Plan};

const SOON: Duration = Duration::from_mins(1);

impl Scene {
    /// Nobody runs the Jobs but the test.
    async fn by_hand(&self, source: &serde_json::Value) -> Result<Vec<Job>> {
        self.kubelet.hold("");
        self.create("by-hand", &self.spec(source)).await?;
        self.jobs("prepare", 3).await
    }

    async fn start(&self, job: &Job, step: &str) -> Result<Container> {
        let secrets: Api<Secret> = Api::namespaced(self.case.client.clone(), &self.case.namespace);
        Container::start(pod(job)?, Some(step), &secrets, &self.disk).await
    }

    async fn run(&self, job: &Job, step: &str) -> Result<Ended> {
        let mut container = self.start(job, step).await?;
        let what = format!("{step} of {} to end", job.name_any());
        wait::until_some(what, SOON, async || container.ended()).await
    }
}

fn pod(job: &Job) -> Result<&PodSpec> {
    let spec = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    spec.context("a Job without a pod")
}

#[tokio::test]
async fn every_step_comes_to_the_same_when_it_is_done_twice_and_etcd_starts_on_it() -> Result<()> {
    let scene = Scene::begin("restore-twice").await?;
    scene.case.take("before", "prod").await?;
    let jobs = scene.by_hand(&json!({"snapshotName": "before"})).await?;
    let early = scene.run(&jobs[0], "commit").await?;
    ensure!(early.word() == "NotPrepared" && early.code == 10, "{early:?}");
    ensure!(is_untouched(&scene.data(0)));

    let mut hashes = Vec::new();
    let mut revision = 0;
    for job in &jobs {
        let first = scene.run(job, "prepare").await?;
        ensure!(first.word() == "Prepared" && first.code == 0, "{first:?}");
        let again = scene.run(job, "prepare").await?;
        ensure!(again == first, "{again:?}");
        let result: serde_json::Value = serde_json::from_str(&first.message)?;
        revision = result["revision"].as_i64().context("no revision")?;
        hashes.push(u32::try_from(result["hashKV"].as_u64().context("no HashKV")?)?);
    }
    for index in 0..3 {
        ensure!(holds_old(&scene.data(index), "member"), "old data was touched");
    }
    // One is taken back and prepared again.
    for _ in 0..2 {
        let discarded = scene.run(&jobs[1], "discard").await?;
        ensure!(discarded.word() == "Discarded", "{discarded:?}");
        ensure!(is_untouched(&scene.data(1)), "{:?}", names(&scene.data(1)));
    }
    ensure!(scene.run(&jobs[1], "prepare").await?.word() == "Prepared");

    for job in &jobs {
        let first = scene.run(job, "commit").await?;
        ensure!(first.word() == "Committed", "{first:?}");
        ensure!(scene.run(job, "commit").await? == first, "the second differs");
        let late = scene.run(job, "discard").await?;
        ensure!(late.word() == "AlreadyCommitted" && late.code == 10, "{late:?}");
    }
    let status = scene.restores().get("by-hand").await?.status.unwrap_or_default();
    let token = status.initial_cluster_token.context("no token")?;
    let members = Members::start(&scene.places(), &token).await?;
    ensure!(members.hashes(revision).await? == hashes, "{hashes:?}");
    members.hold_what(scene.subject).await?;
    drop(members);
    scene.finish().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prepare_that_is_killed_leaves_the_old_data_and_the_next_one_does_it() -> Result<()> {
    let mut scene = Scene::begin("restore-killed").await?;
    let etcd = data::etcd(harness::etcd::Version::V3_6).await?;
    data::bulk(&etcd, 3_000).await?;
    let server = S3Server::start(&scene.case.bucket).await?;
    scene.case.stores_in_process().await?;
    scene
        .case
        .apply(&Plan::new("prod", &etcd, &scene.case).into(&server))
        .await?;
    scene.case.take("before", "prod").await?;
    let jobs = scene.by_hand(&json!({"snapshotName": "before"})).await?;

    let drip = Fault::DripAnswer {
        bytes_per_second: 400_000,
    };
    server.plan().on(Operation::Get).key("snapshot.db").fails(drip);
    let mut container = scene.start(&jobs[0], "prepare").await?;
    let under_way = async || {
        names(&scene.data(0))
            .iter()
            .any(|name| name.ends_with(".building"))
    };
    wait::until("it to be under way", SOON, under_way).await?;
    ensure!(container.ended().is_none(), "it has ended already");
    container.process.kill()?;
    ensure!(holds_old(&scene.data(0), "member"), "old data was touched");
    ensure!(names(&scene.data(0)).len() == 2, "{:?}", names(&scene.data(0)));

    server.plan().clear();
    let prepared = scene.run(&jobs[0], "prepare").await?;
    ensure!(prepared.word() == "Prepared", "{prepared:?}");
    let left = names(&scene.data(0));
    ensure!(
        left.len() == 2 && !left.iter().any(|name| name.ends_with(".building")),
        "{left:?}"
    );

    // The store holds another backup than the one that was pinned.
    let mut other = jobs[1].clone();
    let task = other
        .spec
        .as_mut()
        .and_then(|spec| {
            spec.template.spec.as_mut()?.containers[0].env.as_mut()?[0]
                .value
                .as_mut()
        })
        .context("no task")?;
    let mut changed: serde_json::Value = serde_json::from_str(task)?;
    changed["source"]["snapshotSHA256"] = json!("00".repeat(32));
    *task = changed.to_string();
    let refused = scene.run(&other, "prepare").await?;
    ensure!(
        refused.word() == "SourceChanged" && refused.code == 10,
        "{refused:?}"
    );
    ensure!(is_untouched(&scene.data(1)), "{:?}", names(&scene.data(1)));

    // What it holds is damaged.
    let (key, mut bytes) = server
        .objects()
        .into_iter()
        .find(|(key, _)| key.ends_with("snapshot.db.zst"))
        .map(|(key, bytes)| (key, bytes.to_vec()))
        .context("no snapshot")?;
    let sound = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    server.plant(&key, bytes);
    let damaged = scene.run(&jobs[1], "prepare").await?;
    ensure!(damaged.word() == "Integrity" && damaged.code == 10, "{damaged:?}");
    ensure!(is_untouched(&scene.data(1)), "{:?}", names(&scene.data(1)));
    server.plant(&key, sound);
    scene.case.finish_in(&server, &etcd).await.map(drop)
}
