//! Who is chosen in real clusters.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use etcd_backup_etcd::{AlarmKind, ChoosePolicy, Cluster, Config, choose};
use etcd_client::{AlarmAction, AlarmOptions, AlarmType, MemberAddOptions};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    ports,
    process::Process,
    wait,
};

use super::{chosen, cluster, config, save};

const SOON: Duration = Duration::from_secs(20);

fn degraded() -> ChoosePolicy {
    ChoosePolicy {
        allow_degraded: true,
        ..ChoosePolicy::default()
    }
}

/// The index of the member that leads.
async fn leader(etcd: &Etcd) -> Result<usize> {
    let survey = cluster(etcd)?.survey().await;
    let leader = survey
        .answered()
        .find(|(_, status)| status.is_leader())
        .context("no leader")?;
    etcd.endpoints()
        .iter()
        .position(|endpoint| endpoint == leader.0)
        .context("an unknown leader")
}

#[tokio::test]
async fn a_follower_is_chosen_and_when_the_leader_dies_another_healthy_member() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).members(3).await?;
    let before = chosen(&cluster(&etcd)?).await?;
    ensure!(!before.is_leader, "{before:?}");
    assert_eq!(before.members, 3);

    let led = leader(&etcd).await?;
    etcd.member(led).kill()?;
    let after = wait::until_ok("a new leader", SOON, async || chosen(&cluster(&etcd)?).await).await?;
    ensure!(after.endpoint != etcd.member(led).endpoint(), "{after:?}");
    ensure!(after.why.contains("did not answer"), "{}", after.why);
    assert_eq!((after.cluster_id, after.members), (before.cluster_id, 3));
    let cluster = cluster(&etcd)?;
    cluster.linearizable_revision(&after.endpoint).await?;
    save(
        cluster.snapshot(&after.endpoint).await?,
        &etcd.folder().join("snapshot.db"),
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn without_quorum_a_snapshot_is_refused_or_degraded() -> Result<()> {
    let etcd = Etcd::start(Version::V3_6).members(3).await?;
    let last = chosen(&cluster(&etcd)?).await?;
    for member in etcd.members().iter().filter(|m| m.endpoint() != last.endpoint) {
        member.kill()?;
    }
    let cluster = cluster(&etcd)?;
    let survey = wait::until_some("the last member to notice", SOON, async || {
        let survey = cluster.survey().await;
        let leaderless = survey.answered().all(|(_, status)| status.leader == 0);
        leaderless.then_some(survey)
    })
    .await?;
    let refusal = choose(&survey, &ChoosePolicy::default())
        .err()
        .context("chosen")?;
    assert_eq!(refusal.reason(), "NoQuorum", "{refusal}");
    let error = cluster
        .linearizable_revision(&last.endpoint)
        .await
        .err()
        .context("confirmed")?;
    assert_eq!(error.reason(), "NoQuorum", "{error}");

    let choice = choose(&survey, &degraded())?;
    assert_eq!((choice.member_id, choice.degraded), (last.member_id, true));
    assert_eq!(choice.members, 3, "the member list needs no quorum");
    save(
        cluster.snapshot(&choice.endpoint).await?,
        &etcd.folder().join("snapshot.db"),
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn alarms_of_every_release_are_seen_and_only_corruption_matters() -> Result<()> {
    for version in Version::ALL {
        let etcd = Etcd::start(version).members(3).await?;
        let mut client = etcd.client().await?;
        let before = chosen(&cluster(&etcd)?).await?;
        let mut raise = async |kind, member| {
            let mut options = AlarmOptions::new();
            options.with_member(member);
            client.alarm(AlarmAction::Activate, kind, Some(options)).await
        };
        raise(AlarmType::Nospace, before.member_id).await?;
        let full = chosen(&cluster(&etcd)?).await?;
        assert_eq!(full.member_id, before.member_id, "etcd {version}");
        assert_eq!(full.alarms.len(), 1, "etcd {version}: {full:?}");
        assert_eq!(full.alarms[0].kind, AlarmKind::NoSpace);
        assert_eq!(full.alarms[0].member_id, before.member_id);

        raise(AlarmType::Corrupt, before.member_id).await?;
        let other = chosen(&cluster(&etcd)?).await?;
        ensure!(other.member_id != before.member_id, "etcd {version}: {other:?}");
        ensure!(other.corruption_suspected() && !other.degraded, "{other:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_learner_is_skipped() -> Result<()> {
    let etcd = Etcd::start(Version::V3_7).await?;
    let (client_port, peer_port) = (ports::free()?, ports::free()?);
    let (url, peer) = (
        format!("http://127.0.0.1:{client_port}"),
        format!("http://127.0.0.1:{peer_port}"),
    );
    let as_learner = MemberAddOptions::new().with_is_learner();
    etcd.client()
        .await?
        .member_add([peer.clone()], Some(as_learner))
        .await?;
    let mut command = Command::new(binaries::tool(etcd.version.set(), "etcd")?);
    command.args([
        "--name",
        "learner",
        "--initial-cluster-state",
        "existing",
        "--data-dir",
    ]);
    command.arg(etcd.folder().join("learner"));
    command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
    command.args([
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
    ]);
    let members = format!("m0={},learner={peer}", etcd.member(0).peer_url());
    command.args(["--initial-cluster", &members]);
    let _learner = Process::start("learner", &mut command, &etcd.folder().join("learner.log"))?;

    let both = Config {
        endpoints: vec![url.clone(), etcd.member(0).endpoint()],
        ..config(&etcd)
    };
    let cluster = Cluster::new(both)?;
    let survey = wait::until_some("the learner to answer", SOON, async || {
        let survey = cluster.survey().await;
        let here = survey.answered().any(|(_, status)| status.is_learner);
        here.then_some(survey)
    })
    .await?;
    let choice = choose(&survey, &ChoosePolicy::default())?;
    assert_eq!(choice.member_name, "m0");
    assert_eq!(choice.members, 2);
    ensure!(
        choice.why.contains(&format!("{url} is a learner")),
        "{}",
        choice.why
    );
    let only_it = Cluster::new(Config {
        endpoints: vec![url],
        ..config(&etcd)
    })?;
    let refusal = choose(&only_it.survey().await, &degraded())
        .err()
        .context("chosen")?;
    assert_eq!(refusal.reason(), "NoHealthyMember");
    Ok(())
}

#[tokio::test]
async fn two_clusters_and_a_replaced_cluster_are_refused() -> Result<()> {
    let (one, other) = (
        Etcd::start(Version::V3_6).await?,
        Etcd::start(Version::V3_6).await?,
    );
    let pinned = chosen(&cluster(&one)?).await?.cluster_id;

    let mut endpoints = one.endpoints();
    endpoints.extend(other.endpoints());
    let both = Cluster::new(Config {
        endpoints,
        ..config(&one)
    })?;
    let refusal = choose(&both.survey().await, &degraded())
        .err()
        .context("chosen")?;
    assert_eq!(refusal.reason(), "ClusterIdMismatch");
    ensure!(
        refusal.to_string().contains(&format!("{pinned:016x}")),
        "{refusal}"
    );

    let policy = ChoosePolicy {
        expected_cluster_id: Some(pinned),
        ..degraded()
    };
    choose(&cluster(&one)?.survey().await, &policy)?;
    let refusal = choose(&cluster(&other)?.survey().await, &policy)
        .err()
        .context("chosen")?;
    assert_eq!(refusal.reason(), "ClusterIdMismatch");
    ensure!(
        refusal.to_string().contains(&format!("{pinned:016x}")),
        "{refusal}"
    );
    Ok(())
}
