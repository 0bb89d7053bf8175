//! The operator, killed at random again and again while snapshots are asked for, taken and pruned, and etcd is written to. Once
//! it is left alone, whatever was asked for has an end, the judge agrees, and a day later nothing is left.

use std::{collections::BTreeSet, env, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::SnapshotPhase;
use futures::future::try_join_all;
use harness::{
    etcd::{Etcd, Version},
    operator::Operator,
    s3::{self, Operation, S3Server},
    wait,
};
use serde_json::json;

use super::sweep;
use crate::operator::{
    case::Case,
    data,
    outcome::{PATIENCE, phase},
    plan::Plan,
    schedule::now,
    world::{self, LEASE, Stage},
};

/// How many times it is killed, unless the environment says another number.
const KILLS: u64 = 12;
const KILLS_VARIABLE: &str = "ETCD_BACKUP_SOAK_KILLS";
/// Makes the same kills again, as far as a busy machine allows.
const SEED_VARIABLE: &str = "ETCD_BACKUP_SOAK_SEED";

/// It is killed when it has asked the stores for less than this. A run asks for some fifteen things.
const REQUESTS: u64 = 90;
/// Or after so long, where it has nothing to ask for.
const AT_REST: Duration = Duration::from_secs(5);

/// Between two writes.
const PACE: Duration = Duration::from_millis(5);

const PLANS: usize = 2;
const KEPT: usize = 2;
/// No more wait at a time, so that the end of a long soak does not take long.
const WAITING: usize = 12;
/// A snapshot is tried so many times.
const ATTEMPTS: u32 = 2;

/// Numbers of a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A plan, the etcd that it backs up, and its store.
struct Loaded {
    case: Case,
    etcd: Etcd,
    server: S3Server,
}

impl Loaded {
    async fn prepare(stage: &Stage, index: usize) -> Result<Self> {
        let mut case = Case::on(stage, &format!("soak-{index}")).await?;
        let etcd = data::etcd(Version::V3_6).await?;
        // Two parts.
        data::bulk(&etcd, 6_000).await?;
        let server = S3Server::start(&case.bucket).await?;
        case.stores_in_process().await?;
        let plan = Plan::new("prod", &etcd, &case)
            .into(&server)
            .with("retries", json!(ATTEMPTS - 1))
            .with("retention", json!({"keepLast": KEPT}));
        case.apply(&plan).await?;
        Ok(Self { case, etcd, server })
    }

    /// Writes and writes, and leaves processors to others.
    async fn write(&self) -> Result<()> {
        let mut client = self.etcd.client().await?;
        let mut pace = tokio::time::interval(PACE);
        for number in 0_u64.. {
            pace.tick().await;
            let key = format!("/soak/{}", number % 100);
            client.put(key, number.to_string(), None).await?;
        }
        Ok(())
    }

    /// Asks for a snapshot, unless many are waiting.
    async fn ask(&self, round: u64) -> Result<()> {
        let snapshots = self.case.all_snapshots().await?;
        let waiting = snapshots.iter().filter(|snapshot| !phase(snapshot).is_terminal());
        if waiting.count() < WAITING {
            self.case.ask(&format!("round-{round}"), "prod").await?;
        }
        Ok(())
    }

    fn manifests(&self) -> BTreeSet<String> {
        let objects = self.server.objects();
        let manifests = objects.keys().filter(|key| key.ends_with("/manifest.json"));
        manifests.cloned().collect()
    }

    /// All that was asked for has an end that can be told, and the plan goes on as if nothing had been.
    async fn converges(&self) -> Result<()> {
        self.case.nothing_runs().await?;
        for snapshot in self.case.all_snapshots().await? {
            let status = snapshot.status.clone().unwrap_or_default();
            let phase = phase(&snapshot);
            // Each attempt may have met a kill. Retention was perhaps killed between a manifest and what tells of it.
            let honest = match phase {
                SnapshotPhase::Succeeded | SnapshotPhase::Missing => true,
                SnapshotPhase::Failed => status.attempts == Some(ATTEMPTS),
                _ => false,
            };
            ensure!(honest, "{:?} ended as {status:?}", snapshot.metadata.name);
        }
        self.case.take("last", "prod").await?;
        let kept = async || {
            let found = self.manifests();
            ensure!(found.len() == KEPT, "there are {found:?}");
            Ok(())
        };
        wait::until_ok("retention to have kept as many as it should", PATIENCE, kept).await
    }
}

/// How much was asked of all stores.
fn requests(all: &[Loaded]) -> u64 {
    let of = |plan: &s3::Plan| Operation::USED.map(|operation| plan.count(operation) as u64);
    all.iter().flat_map(|loaded| of(loaded.server.plan())).sum()
}

/// Starts an operator and kills it, so many times. Gives all that are dead.
async fn crash(stage: &Stage, all: &[Loaded], kills: u64, random: &mut Random) -> Result<Vec<Operator>> {
    let mut dead = Vec::new();
    for round in 0..kills {
        let mut operator = stage.replica(&flags())?;
        for loaded in all {
            loaded.ask(round).await?;
        }
        let enough = requests(all) + random.below(REQUESTS);
        let busy = async || requests(all) >= enough;
        // At rest is a moment to be killed at, too.
        let _ = wait::until("the stores to be asked", AT_REST, busy).await;
        stage.kill(&mut operator).await?;
        dead.push(operator);
    }
    Ok(dead)
}

fn flags() -> Vec<&'static str> {
    [&LEASE[..], &["--catalogue-resync=4s"]].concat()
}

fn number(variable: &str) -> Result<Option<u64>> {
    let text = env::var(variable).ok();
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.with_context(|| format!("read {variable}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_killed_at_random_again_and_again_under_load_converges() -> Result<()> {
    let kills = number(KILLS_VARIABLE)?.unwrap_or(KILLS);
    let seed = number(SEED_VARIABLE)?.unwrap_or_else(|| now().timestamp_micros().unsigned_abs());
    // Whoever sees it fail needs the seed.
    eprintln!("{kills} kills ({KILLS_VARIABLE}) of the seed {seed} ({SEED_VARIABLE})");
    let stage = world::breakable().await?;
    let mut all = try_join_all((0..PLANS).map(|index| Loaded::prepare(&stage, index))).await?;
    let mut random = Random(seed);
    let dead = tokio::select! {
        written = try_join_all(all.iter().map(Loaded::write)) => bail!("nobody writes any more: {written:?}"),
        dead = crash(&stage, &all, kills, &mut random) => dead?,
    };
    let begun = all
        .iter()
        .map(|loaded| loaded.server.plan().count(Operation::CreateUpload));
    ensure!(
        begun.sum::<usize>() > 0,
        "no run had begun between the kills: there was no load"
    );

    let mut operator = stage.operator(&flags()).await?;
    for loaded in &mut all {
        for operator in dead.iter().chain([&operator]) {
            loaded.case.follow(operator);
        }
    }
    try_join_all(all.iter().map(Loaded::converges)).await?;
    for Loaded { case, etcd, server } in all {
        let swept = sweep::sweep(&case, &server).await?;
        eprintln!(
            "of {} a day later (snapshots, uploads) {swept:?} were swept",
            case.namespace
        );
        let holdings = case.finish_in(&server, &etcd).await?;
        holdings.ensure_number(KEPT)?;
    }
    ensure!(operator.stop().await?.success(), "it did not end well");
    Ok(())
}
