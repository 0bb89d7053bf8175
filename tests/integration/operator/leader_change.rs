//! Three members of etcd, of which one leads, another is read, and both change in the middle of a stream.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::EtcdSnapshotStatus;
use etcd_client::StatusResponse;
use harness::{
    etcd::{Etcd, Version},
    proxy::Proxy,
    wait,
};
use serde_json::json;

use super::{case::Case, data, outcome::PATIENCE, plan::Plan};

/// How much has come when the streams stand still: far more than all other answers together.
const SOME: u64 = 2_000_000;

/// A cluster whose members are reached through a proxy each.
struct Wired {
    case: Case,
    etcd: Etcd,
    wires: Vec<Proxy>,
}

impl Wired {
    async fn begin(name: &str) -> Result<Self> {
        let (case, _) = Case::begin(name).await?;
        let etcd = data::filled(Etcd::start(Version::V3_6).members(3)).await?;
        // More than sockets and windows between etcd and us can hold: the rest of a stream is lost with its member.
        data::bulk(&etcd, 40_000).await?;
        let wires = etcd.members().iter().map(|member| Proxy::before(member.port()));
        let wires = wires.collect::<Result<Vec<_>>>()?;
        let endpoints = wires
            .iter()
            .map(|wire| format!("http://127.0.0.1:{}", wire.port()));
        let plan = Plan::new("prod", &etcd, &case);
        case.apply(&plan.with("etcd/endpoints", json!(endpoints.collect::<Vec<_>>())))
            .await?;
        Ok(Self { case, etcd, wires })
    }

    /// Asks for a snapshot, lets its stream stand still, and tells which member is read.
    async fn hold_in_mid_stream(&self, snapshot: &str) -> Result<usize> {
        let before: Vec<u64> = self.wires.iter().map(Proxy::answered).collect();
        self.wires.iter().for_each(|wire| wire.hold_after(SOME));
        self.case.ask(snapshot, "prod").await?;
        let read = || {
            let sent = self.wires.iter().zip(&before);
            let mut sent = sent.map(|(wire, before)| wire.answered() - before);
            sent.position(|sent| sent >= SOME)
        };
        wait::until_some("a stream to be under way", PATIENCE, async || read()).await
    }

    /// Everything goes on.
    fn heal(&self) {
        self.wires.iter().for_each(Proxy::heal);
    }

    /// What a member says of itself.
    async fn status(&self, index: usize) -> Result<StatusResponse> {
        let asked = async {
            self.etcd
                .client_of(index)
                .await?
                .status()
                .await
                .context("ask a member how it is")
        };
        Box::pin(asked).await
    }

    async fn id(&self, index: usize) -> Result<u64> {
        let status = self.status(index).await?;
        Ok(status.header().context("an answer without a header")?.member_id())
    }

    /// Which member leads, as `asked` sees it.
    async fn leader(&self, asked: usize) -> Result<usize> {
        let leader = self.status(asked).await?.leader();
        for index in 0..self.wires.len() {
            if self.id(index).await? == leader {
                return Ok(index);
            }
        }
        bail!("no member has the id {leader:x}")
    }

    /// Lets a member lead from now on.
    async fn lead(&self, next: usize) -> Result<()> {
        let (id, leader) = (self.id(next).await?, self.leader(next).await?);
        ensure!(leader != next, "the leader is read: there is nothing to change");
        // Only the leader moves itself.
        let moved = async {
            self.etcd
                .client_of(leader)
                .await?
                .move_leader(id)
                .await
                .context("move the leader")
        };
        Box::pin(moved).await?;
        wait::until_ok("the leader to have moved", PATIENCE, async || {
            let leads = self.leader(next).await?;
            ensure!(leads == next, "member {leads} leads");
            Ok(())
        })
        .await
    }

    /// Where what was stored comes from, and in how many attempts.
    async fn stored(&self, snapshot: &str) -> Result<(usize, EtcdSnapshotStatus)> {
        let status = self.case.succeeded(snapshot).await?.status.unwrap_or_default();
        let member = status.etcd.as_ref().and_then(|etcd| etcd.member.clone());
        let member = member.context("it has no member")?;
        let index = self.etcd.members().iter().position(|one| one.name == member);
        Ok((
            index.with_context(|| format!("no member is called {member}"))?,
            status,
        ))
    }
}

/// The judge restores what was stored and compares all of it with the living cluster, to which nobody wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_whole_whether_its_member_becomes_the_leader_or_dies_in_the_middle_of_it() -> Result<()>
{
    let run = Wired::begin("leader-change").await?;

    let read = run.hold_in_mid_stream("moved").await?;
    run.lead(read).await?;
    run.heal();
    let (member, status) = run.stored("moved").await?;
    ensure!(
        member == read && status.attempts == Some(1),
        "it comes from member {member} and not from {read}, in {:?} attempts",
        status.attempts
    );

    // That one leads now, and dies, while a follower is read.
    let leader = read;
    let read = run.hold_in_mid_stream("led-by-nobody").await?;
    ensure!(read != leader, "the leader is read");
    run.etcd.member(leader).kill()?;
    run.heal();
    let (member, status) = run.stored("led-by-nobody").await?;
    ensure!(
        member == read && status.attempts == Some(1),
        "it comes from member {member} and not from {read}, in {:?} attempts",
        status.attempts
    );
    run.etcd.member(leader).start().await?;

    // Who is read dies. What comes from the next member is a whole snapshot of its own, in the same attempt.
    let read = run.hold_in_mid_stream("killed").await?;
    run.etcd.member(read).kill()?;
    run.heal();
    let (member, status) = run.stored("killed").await?;
    ensure!(
        member != read && status.attempts == Some(1),
        "it comes from member {member} after {read} died, in {:?} attempts",
        status.attempts
    );
    let keys: BTreeSet<String> = run.case.stored()?.into_keys().collect();
    let snapshots = keys.iter().filter(|key| key.contains("/snapshot.db"));
    ensure!(snapshots.count() == 3, "the store holds {keys:?}");
    run.etcd.member(read).start().await?;
    let Wired { case, etcd, .. } = run;
    case.finish(&etcd).await?.ensure_number(3)
}
