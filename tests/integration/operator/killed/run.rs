//! One plan whose run, or what follows it, stands at one step.

use anyhow::{Context, Result, ensure};
use etcd_backup_api::SnapshotPhase;
use harness::{
    etcd::{Etcd, Version},
    proxy::Proxy,
    s3::{Operation, S3Server},
    wait,
};
use kube::ResourceExt;
use serde_json::json;

use crate::{
    halt::{Halt, Left, STEPS},
    operator::{
        case::Case,
        data,
        outcome::{PATIENCE, phase},
        plan::Plan,
        world::Stage,
    },
};

/// How much of a snapshot has come when its stream stands still.
const HALF: u64 = 1_000_000;

/// Where an operator is when it is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    /// etcd is sending.
    Receiving,
    /// In this request of a run.
    Running(Halt),
    /// In this request of the retention that follows a run.
    Pruning(Halt),
}

/// Every step, and what a kill leaves there that is no backup of the plan's.
pub(super) fn steps() -> Vec<(At, Left)> {
    let claim = [
        (
            Halt::before("claim-sent", Operation::Put, "/owner.json"),
            Left::Nothing,
        ),
        (
            Halt::after("claimed", Operation::Put, "/owner.json"),
            Left::Nothing,
        ),
    ];
    let prune = [
        (
            Halt::before("manifest-doomed", Operation::Delete, "/manifest.json"),
            Left::Nothing,
        ),
        (
            Halt::after("manifest-removed", Operation::Delete, "/manifest.json"),
            Left::Object,
        ),
        (
            Halt::before("snapshot-doomed", Operation::Delete, "/snapshot.db"),
            Left::Object,
        ),
        (
            Halt::after("snapshot-removed", Operation::Delete, "/snapshot.db"),
            Left::Nothing,
        ),
    ];
    let running = claim
        .into_iter()
        .chain(STEPS)
        .map(|(halt, left)| (At::Running(halt), left));
    let pruning = prune.into_iter().map(|(halt, left)| (At::Pruning(halt), left));
    [(At::Receiving, Left::Upload)]
        .into_iter()
        .chain(running)
        .chain(pruning)
        .collect()
}

impl At {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Running(halt) | Self::Pruning(halt) => halt.name,
        }
    }

    pub(super) fn is_pruning(self) -> bool {
        matches!(self, Self::Pruning(_))
    }
}

/// A plan and everything around it.
pub(super) struct Run {
    pub(super) case: Case,
    pub(super) etcd: Etcd,
    pub(super) server: S3Server,
    pub(super) at: At,
    pub(super) left: Left,
    wire: Proxy,
}

impl Run {
    pub(super) async fn prepare(stage: &Stage, at: At, left: Left) -> Result<Self> {
        let mut case = Case::on(stage, &format!("killed-{}", at.name())).await?;
        let etcd = data::etcd(Version::V3_6).await?;
        match at {
            At::Receiving => data::bulk(&etcd, 2_000).await?,
            At::Running(halt) if halt.needs_parts() => data::bulk(&etcd, 9_000).await?,
            At::Running(_) | At::Pruning(_) => {}
        }
        let wire = Proxy::before(etcd.member(0).port())?;
        let server = S3Server::start(&case.bucket).await?;
        case.stores_in_process().await?;
        let endpoint = format!("http://127.0.0.1:{}", wire.port());
        let mut plan = Plan::new("prod", &etcd, &case)
            .into(&server)
            .with("etcd/endpoints", json!([endpoint]))
            .with("retries", json!(2));
        if at.is_pruning() {
            plan = plan.with("retention", json!({"keepLast": 1}));
        }
        case.apply(&plan).await?;
        Ok(Self {
            case,
            etcd,
            server,
            at,
            left,
            wire,
        })
    }

    /// Has a snapshot taken, up to the step at which everything stands still.
    pub(super) async fn begin(&self) -> Result<()> {
        match self.at {
            At::Receiving => {
                self.wire.hold_after(HALF);
                let before = self.wire.answered();
                self.case.ask("first", "prod").await?;
                let under_way = async || self.wire.answered() >= before + HALF;
                wait::until("the stream to be under way", PATIENCE, under_way).await
            }
            At::Running(halt) | At::Pruning(halt) => {
                halt.set(self.server.plan());
                self.case.ask("first", "prod").await?;
                halt.reached(self.server.plan(), PATIENCE).await
            }
        }
        .with_context(|| format!("bring a run to {}", self.at.name()))
    }

    /// Everything goes on for whoever asks from now on.
    pub(super) fn release(&self) {
        self.server.plan().clear();
        self.wire.heal();
    }

    /// Whether what retention was about to remove is still whole.
    fn is_doomed(&self) -> bool {
        self.at.name() == "manifest-doomed"
    }

    /// What the kill left: in the store, and in what Kubernetes says.
    pub(super) async fn check_left(&self) -> Result<()> {
        let objects = self.server.objects();
        let ends = |end: &str| objects.keys().filter(|key| key.contains(end)).count();
        let (manifests, snapshots) = (ends("/manifest.json"), ends("/snapshot.db"));
        let found = (manifests, snapshots, self.server.open_uploads().len());
        // While retention is at work, the run before it has ended well.
        let newest = usize::from(self.at.is_pruning());
        let doomed = usize::from(self.is_doomed());
        let (manifests, snapshots, uploads) = match self.left {
            Left::Nothing => (doomed, doomed, 0),
            Left::Upload => (0, 0, 1),
            Left::Object => (0, 1, 0),
            Left::Backup => (1, 1, 0),
        };
        let expected = (manifests + newest, snapshots + newest, uploads);
        ensure!(
            found == expected,
            "it left {found:?} (manifests, snapshots, uploads)"
        );
        let phase = phase(&self.case.snapshots().get("first").await?);
        ensure!(
            (phase == SnapshotPhase::Succeeded) == self.at.is_pruning() && phase != SnapshotPhase::Failed,
            "it left the snapshot {phase:?}"
        );
        Ok(())
    }

    /// The next operator brings it to its end: the snapshot is there, by the first attempt if that had stored a manifest, and
    /// else by a second one.
    pub(super) async fn check_ended(&self) -> Result<()> {
        let status = self.case.succeeded("first").await?.status.unwrap_or_default();
        let attempts = if self.left == Left::Backup || self.at.is_pruning() {
            1
        } else {
            let failed = self.case.event("AttemptFailed", "first").await?;
            ensure!(failed.contains("is gone"), "the event says: {failed}");
            2
        };
        ensure!(
            status.attempts == Some(attempts),
            "it took {:?} attempts",
            status.attempts
        );
        // What was to be pruned goes, or, where the store has lost its manifest already, says that it is gone.
        let expected = match self.at {
            At::Pruning(_) if !self.is_doomed() => vec![("before".to_owned(), SnapshotPhase::Missing)],
            _ => Vec::new(),
        };
        let others = async || {
            let all = self.case.all_snapshots().await?;
            let others = all.iter().filter(|snapshot| snapshot.name_any() != "first");
            let others: Vec<_> = others
                .map(|snapshot| (snapshot.name_any(), phase(snapshot)))
                .collect();
            ensure!(others == expected, "there are {others:?}, and not {expected:?}");
            Ok(())
        };
        wait::until_ok("the others to be as they should", PATIENCE, others).await
    }
}
