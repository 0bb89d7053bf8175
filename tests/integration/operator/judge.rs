//! The end of every test: is everything what it says, is nothing left, is no secret anywhere?

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::Etcd,
    http,
    oracle::{self, Backup, Holdings, Restored, Subject},
    s3::S3Server,
    scratch, wait,
};
use kube::api::{DeleteParams, ListParams};

use super::{case::Case, plan::PREFIX};

/// How long Kubernetes may take to say what the store holds.
const CATCH_UP: Duration = Duration::from_secs(30);

impl Case {
    /// Judges, with the etcd that was backed up still alive.
    pub(super) async fn finish(self, subject: &Etcd) -> Result<Holdings> {
        let folder = self.folder.clone();
        self.finish_at(&folder, subject).await
    }

    /// Judges, with an etcd that a client of ours cannot speak to.
    pub(super) async fn finish_without_living(self, subject: &Etcd) -> Result<Holdings> {
        let folder = self.folder.clone();
        self.judged(&folder, Restored::Newest, subject).await
    }

    /// Judges without restoring anything: of a test that takes dozens of backups of one etcd to which nobody writes, and restores
    /// none otherwise than other tests do.
    pub(super) async fn finish_comparing(self, subject: &Etcd) -> Result<Holdings> {
        let folder = self.folder.clone();
        self.judged(&folder, Restored::None, subject).await
    }

    /// Judges what is no backup, of a test whose plans were nobody's to look after, or whose backups another case judges.
    pub(super) async fn finish_unproved(mut self) -> Result<()> {
        let folder = self.folder.clone();
        self.strangers.check()?;
        self.no_secret_is_seen(&folder).await?;
        self.end().await?;
        self.finished = true;
        Ok(())
    }

    /// Judges what is in a directory that is no bucket.
    pub(super) async fn finish_at(self, folder: &Path, subject: &Etcd) -> Result<Holdings> {
        let holdings = self.judged(folder, Restored::Newest, subject).await?;
        same_as_living(holdings.backups.last(), subject).await?;
        Ok(holdings)
    }

    /// Judges what is in the server of this process.
    pub(super) async fn finish_in(self, server: &S3Server, subject: &Etcd) -> Result<Holdings> {
        let open = server.open_uploads();
        ensure!(
            open.is_empty(),
            "uploads were neither completed nor aborted: {open:?}"
        );
        self.finish_despite_uploads(server, subject).await
    }

    /// The same, when somebody was killed during an upload.
    pub(super) async fn finish_despite_uploads(self, server: &S3Server, subject: &Etcd) -> Result<Holdings> {
        let folder = scratch::folder("objects")?;
        server.save(folder.path())?;
        self.changed_only_its_own(server)?;
        let holdings = self.judged(folder.path(), Restored::Newest, subject).await?;
        same_as_living(holdings.backups.last(), subject).await?;
        Ok(holdings)
    }

    /// In a server of this process nothing of others was touched.
    pub(super) fn changed_only_its_own(&self, server: &S3Server) -> Result<()> {
        oracle::changed_only_below(&format!("{PREFIX}/{}/", self.namespace), server)
    }

    async fn judged(self, store: &Path, which: Restored, subject: &Etcd) -> Result<Holdings> {
        let known = Subject {
            version: subject.version,
            auth: subject.auth.clone(),
            identity: self.identity.clone(),
            strangers: self.strangers.clone(),
        };
        let holdings = Box::pin(oracle::check_store_restoring(which, store, &known)).await?;
        ensure!(
            holdings.foreign.is_empty(),
            "nobody can have put there {:?}",
            holdings.foreign
        );
        self.finish_with(&holdings, store).await?;
        Ok(holdings)
    }

    /// Judges all but the backups, which were proved with those of others: `store` holds this case's objects.
    pub(super) async fn finish_with(mut self, holdings: &Holdings, store: &Path) -> Result<()> {
        wait::until_ok("Kubernetes to say what the store holds", CATCH_UP, async || {
            oracle::check_mirror_of(&self.namespace, &self.client, holdings).await
        })
        .await?;
        self.nothing_is_left().await?;
        self.no_secret_is_seen(store).await?;
        self.end().await?;
        self.finished = true;
        Ok(())
    }

    /// Nothing runs, and nothing waits on disk.
    async fn nothing_is_left(&self) -> Result<()> {
        for snapshot in self.all_snapshots().await? {
            let phase = super::outcome::phase(&snapshot);
            ensure!(
                phase.is_terminal(),
                "{:?} is still {phase:?}",
                snapshot.metadata.name
            );
        }
        for (folder, _) in &self.operators {
            let spool = folder.join("spool");
            wait::until(format!("{} to be empty", spool.display()), CATCH_UP, async || {
                fs::read_dir(&spool).is_ok_and(|mut entries| entries.next().is_none())
            })
            .await?;
        }
        Ok(())
    }

    /// Not in the operator's files and metrics, not in the store, not in any object but the Secrets.
    async fn no_secret_is_seen(&self, store: &Path) -> Result<()> {
        let seen = scratch::folder("seen")?;
        for (_, port) in &self.operators {
            // One that was killed says nothing any more.
            if let Ok(metrics) = http::get(*port, "/metrics").await {
                fs::write(seen.path().join(format!("metrics-{port}")), metrics)
                    .context("keep the metrics")?;
            }
        }
        let objects = oracle::objects(&self.client, &self.namespace).await?;
        let plans = self.plans().list(&ListParams::default()).await?;
        ensure!(
            objects.contains(&self.namespace) || plans.items.is_empty(),
            "nothing of this namespace was looked at"
        );
        fs::write(seen.path().join("objects"), objects).context("keep the objects")?;
        let files = self.operators.iter().map(|(folder, _)| folder.as_path());
        let logs = self.logs.iter().map(PathBuf::as_path);
        files
            .chain(logs)
            .chain([store, seen.path()])
            .try_for_each(|place| self.no_secret_in(place))
    }

    /// Not in a file, or in any file of a folder.
    pub(super) fn no_secret_in(&self, place: &Path) -> Result<()> {
        let canaries: Vec<_> = self.canaries.iter().map(String::as_str).collect();
        oracle::find_canaries(place, &canaries)
    }

    /// Plans of a test that is over must not keep the operator busy.
    async fn end(&self) -> Result<()> {
        let plans = self.plans();
        plans
            .delete_collection(&DeleteParams::default(), &ListParams::default())
            .await
            .map(drop)
            .context("delete the plans")
    }
}

/// What the newest backup holds is what the living cluster held at that revision: not only in the manifest's words.
pub(super) async fn same_as_living(newest: Option<&Backup>, subject: &Etcd) -> Result<()> {
    let Some(newest) = newest else {
        return Ok(());
    };
    let living = subject
        .client()
        .await?
        .hash_kv(newest.revision)
        .await
        .context("ask the living for HashKV")?;
    let said = &newest.manifest["snapshot"]["hashKv"];
    ensure!(
        said["hash"].as_u64() == Some(u64::from(living.hash())),
        "HashKV at revision {} is {} in the living etcd, and the manifest says {said}",
        newest.revision,
        living.hash()
    );
    Ok(())
}
