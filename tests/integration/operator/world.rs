//! What runs around the tests.

use std::ops::{Deref, DerefMut};

use anyhow::{Context, Result};
use harness::{
    apiserver::{ApiServer, Operator as Identity},
    etcd::{Etcd, Version},
    operator::Operator,
    scratch,
    versitygw::Versitygw,
};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use tempfile::TempDir;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard, OnceCell, Semaphore, SemaphorePermit};

use super::data;

/// Cloud credentials in the operator's own environment. Nobody whom a plan names may ever get them.
pub(super) const AMBIENT: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "CANARYAMBIENTKEYID"),
    ("AWS_SECRET_ACCESS_KEY", "canary-ambient-secret-83ad"),
];

/// A Kubernetes with what we ship installed in it, and a store.
pub(super) struct Stage {
    pub(super) server: ApiServer,
    pub(super) identity: Identity,
    pub(super) gateway: Versitygw,
    _etcd: Etcd,
}

impl Stage {
    /// Starts one.
    pub(super) async fn set() -> Result<Self> {
        Self::set_with("config/default").await
    }

    /// Starts one on which this kustomization is installed.
    pub(super) async fn set_with(installation: &str) -> Result<Self> {
        let etcd = Etcd::start(Version::V3_6).await?;
        let server = ApiServer::start(&etcd).await?;
        Ok(Self {
            identity: server.install_overlay(installation)?,
            server,
            gateway: Versitygw::start().await?,
            _etcd: etcd,
        })
    }

    /// Starts an operator that works on it, and waits until it is ready.
    pub(super) async fn operator(&self, arguments: &[&str]) -> Result<Operator> {
        let mut operator = self.replica(arguments)?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts one that logs so much, and waits until it is ready.
    pub(super) async fn operator_logging(&self, level: &str, arguments: &[&str]) -> Result<Operator> {
        let mut operator = self.launch(level, arguments)?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts an operator that may have to wait for the lead.
    pub(super) fn replica(&self, arguments: &[&str]) -> Result<Operator> {
        self.launch("info,etcd_backup=debug", arguments)
    }

    /// Starts one that reaches the API server at this port, where a proxy stands before it.
    pub(super) fn replica_through(&self, port: u16, arguments: &[&str]) -> Result<Operator> {
        let identity = self.identity.through(port)?;
        Self::launch_as(&identity, "info,etcd_backup=debug", arguments)
    }

    /// Kills the only operator that works on it, and says that nobody leads, so that the next one need not wait.
    pub(super) async fn kill(&self, operator: &mut Operator) -> Result<()> {
        operator.process().kill()?;
        self.end_leases().await
    }

    /// Nobody leads. That the next one waits for the lease to run out otherwise is tried where there are two.
    async fn end_leases(&self) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(self.server.admin().await?, &self.identity.namespace);
        let every = (DeleteParams::default(), ListParams::default());
        let ended = leases.delete_collection(&every.0, &every.1).await;
        ended.map(drop).context("delete the Leases of the dead")
    }

    fn launch(&self, level: &str, arguments: &[&str]) -> Result<Operator> {
        Self::launch_as(&self.identity, level, arguments)
    }

    fn launch_as(identity: &Identity, level: &str, arguments: &[&str]) -> Result<Operator> {
        let level = format!("--log-level={level}");
        let all = arguments.iter().map(ToString::to_string);
        let all: Vec<String> = std::iter::once(level).chain(all).collect();
        Operator::launch_with(identity, &all, &AMBIENT)
    }
}

/// The world that most tests share. Nobody kills anything in it.
pub(super) struct World {
    pub(super) operator: Operator,
    pub(super) stage: Stage,
    /// An etcd to back up. Tests that write to it, or stop it, or hold it up for long, start their own.
    pub(super) subject: Etcd,
    /// A directory that plans may store into.
    pub(super) local: TempDir,
}

impl World {
    /// The world; the first who asks starts it.
    pub(super) async fn shared() -> Result<&'static Self> {
        static WORLD: OnceCell<World> = OnceCell::const_new();
        WORLD
            .get_or_try_init(Self::begin)
            .await
            .context("start the shared world")
    }

    async fn begin() -> Result<Self> {
        let stage = Stage::set().await?;
        let subject = data::etcd(Version::V3_6).await?;
        // What changes in a store behind our back is seen within seconds instead of hours.
        let local = scratch::folder("local")?;
        let root = format!("--local-store-root={}", local.path().display());
        let flags = ["--catalogue-resync=4s", "--max-concurrent-runs=8", &root];
        Ok(Self {
            local,
            operator: stage.operator(&flags).await?,
            stage,
            subject,
        })
    }
}

/// How long a lead lasts where it is waited for that one falls silent: a machine that is busy with tests may stand still for
/// longer, and then the lead is lost.
pub(super) const SHORT_LEASE: [&str; 3] = [
    "--lease-duration=8s",
    "--lease-renew-deadline=6s",
    "--lease-retry-period=1s",
];

/// How long it lasts everywhere else. Nobody waits for it: [`Stage::kill`] ends it, too.
pub(super) const LEASE: [&str; 3] = [
    "--lease-duration=30s",
    "--lease-renew-deadline=25s",
    "--lease-retry-period=1s",
];

/// A stage on which operators and API servers are killed, for one test at a time.
pub(super) async fn breakable() -> Result<Taken> {
    static STAGES: Stages = Stages::of("config/default");
    STAGES.free().await.context("start a breakable world")
}

/// How many stages there are alike: as many as tests run at a time on a small machine. A test that waits for its turn does
/// nothing else.
const ALIKE: usize = 6;

/// Stages alike, each for one test at a time that starts operators of its own.
pub(super) struct Stages {
    installation: &'static str,
    all: [Mutex<Option<Stage>>; ALIKE],
    places: Semaphore,
    choosing: Mutex<()>,
}

/// A stage for one test. The next one has it afterwards.
pub(super) struct Taken {
    stage: MappedMutexGuard<'static, Stage>,
    _place: SemaphorePermit<'static>,
}

impl Stages {
    /// On which this kustomization is installed.
    pub(super) const fn of(installation: &'static str) -> Self {
        Self {
            installation,
            all: [const { Mutex::const_new(None) }; ALIKE],
            places: Semaphore::const_new(ALIKE),
            choosing: Mutex::const_new(()),
        }
    }

    /// One that nobody uses, or else a new one, or the first that is given back.
    pub(super) async fn free(&'static self) -> Result<Taken> {
        let place = self.places.acquire().await?;
        let mut chosen = self.choose().await?;
        match &*chosen {
            // Whoever had it before has left, and not every operator ends in order.
            Some(stage) => stage.end_leases().await?,
            None => *chosen = Some(Stage::set_with(self.installation).await?),
        }
        let stage = MutexGuard::try_map(chosen, Option::as_mut);
        Ok(Taken {
            stage: stage.ok().context("it was set")?,
            _place: place,
        })
    }

    /// Whoever has a place finds one.
    async fn choose(&'static self) -> Result<MutexGuard<'static, Option<Stage>>> {
        let _alone = self.choosing.lock().await;
        let unused = |set: bool| {
            let mut unused = self.all.iter().filter_map(|stage| stage.try_lock().ok());
            unused.find(|stage| stage.is_some() == set)
        };
        unused(true).or_else(|| unused(false)).context("all are in use")
    }
}

impl Deref for Taken {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }
}
