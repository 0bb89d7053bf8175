//! Building a member's data from the pinned snapshot.

use std::{fs, path::Path};

use etcd_backup_api::secret::keys;
use etcd_backup_backup::{
    manifest::Manifest,
    read::{self, Identities, ReadError, SnapshotReader},
};
use etcd_backup_operator::agent::{AgentResult, RestoreTask, find_pinned, open_store};
use etcd_backup_snapshot::restore::{
    EtcdVersion, Expected, Request, RestoreError, Restored, Source, Target, cluster::InitialCluster,
};
use tokio_util::io::SyncIoBridge;

use super::error::AgentError;
use crate::{clock, commands::restore::watch::watched};

/// The pinned snapshot, found and open.
pub(super) struct Opened {
    manifest: Manifest,
    reader: SnapshotReader,
}

/// Finds the snapshot that the task names and begins to read it.
pub(super) async fn open(task: &RestoreTask, secrets: &Path) -> Result<Opened, AgentError> {
    let identities = identities(task, secrets)?;
    let store = open_store(&task.source.storage, &task.store, secrets, clock::now())
        .await
        .map_err(AgentError::Store)?;
    let entry = find_pinned(&*store, &task.source)
        .await
        .map_err(AgentError::Store)?;
    let reader = read::open(&store, &entry.manifest, identities.as_ref())
        .await
        .map_err(AgentError::Read)?;
    Ok(Opened {
        manifest: entry.manifest,
        reader,
    })
}

fn identities(task: &RestoreTask, secrets: &Path) -> Result<Option<Identities>, AgentError> {
    let Some(secret) = &task.decryption else {
        return if task.source.encrypted {
            Err(AgentError::IdentityNeeded)
        } else {
            Ok(None)
        };
    };
    let text = fs::read_to_string(secrets.join(secret).join(keys::IDENTITY)).map_err(|source| {
        AgentError::ReadIdentities {
            secret: secret.clone(),
            source,
        }
    })?;
    let identities = Identities::parse(&text).map_err(|source| AgentError::ParseIdentities {
        secret: secret.clone(),
        source,
    })?;
    Ok(Some(identities))
}

/// What the engine is asked for: one member's data directory at `data_dir`.
fn request(task: &RestoreTask, manifest: &Manifest, data_dir: &Path) -> Result<Request, AgentError> {
    let members = task
        .members
        .iter()
        .map(|member| (member.name.as_str(), member.peer_urls.iter().map(String::as_str)));
    let cluster = InitialCluster::new(members).map_err(AgentError::Cluster)?;
    let target_version = task
        .target_version
        .as_ref()
        .map(|text| EtcdVersion::of(text).ok_or_else(|| AgentError::TargetVersion(text.clone())));
    let target = Target {
        name: task.member.clone(),
        data_dir: data_dir.to_owned(),
        wal_dir: None,
    };
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| AgentError::Internal("the system gives no random bytes"))?;
    Ok(Request {
        token: Some(task.initial_cluster_token.clone()),
        bump_revision: task.bump_revision,
        revision: task.revision,
        target_version: target_version.transpose()?,
        expected: Expected {
            size: Some(task.source.snapshot_size),
            sha256: Some(manifest.snapshot.sha256.0),
            hash_kv: manifest.snapshot.hash_kv.map(Into::into),
        },
        ..Request::new(cluster, vec![target], random)
    })
}

/// Builds the data directory at `data_dir`: proved against the manifest, on the disk, and read back.
pub(super) async fn build(
    task: &RestoreTask,
    opened: Opened,
    data_dir: &Path,
) -> Result<AgentResult, AgentError> {
    let request = request(task, &opened.manifest, data_dir)?;
    let source = Source::Reader(Box::new(SyncIoBridge::new(opened.reader)));
    let restored = watched(source, request).await.map_err(of_restore)?;
    told(&restored, data_dir)
}

fn of_restore(error: RestoreError) -> AgentError {
    match error {
        RestoreError::Cancelled => AgentError::Interrupted,
        RestoreError::ReadSource(error) => AgentError::Read(ReadError::of(&error)),
        error => AgentError::Restore(error),
    }
}

fn told(restored: &Restored, data_dir: &Path) -> Result<AgentResult, AgentError> {
    let database = data_dir.join("member/snap/db");
    let bytes = fs::metadata(&database)
        .map_err(AgentError::file("look at", &database))?
        .len();
    let member = restored
        .members
        .first()
        .ok_or(AgentError::Internal("no member was restored"))?;
    let left_out = restored
        .left_out
        .iter()
        .map(|left_out| format!("left out: {left_out}"));
    let said: Vec<String> = restored
        .warnings
        .iter()
        .map(ToString::to_string)
        .chain(left_out)
        .collect();
    Ok(AgentResult::Prepared {
        bytes,
        revision: restored.revision,
        hash_kv: restored.hash_kv.map(|kv| kv.hash),
        cluster_id: format!("{:016x}", restored.cluster_id),
        member_id: format!("{:016x}", member.id),
        message: (!said.is_empty()).then(|| said.join("; ")),
    })
}
