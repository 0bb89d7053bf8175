//! Reading the pinned snapshot.

use std::{fs, path::Path};

use etcd_backup_api::{PinnedSource, secret::keys};
use etcd_backup_backup::{
    manifest::Manifest,
    read::{self, Identities, ReadError, SnapshotReader},
};
use etcd_backup_operator::agent::{StoreAccess, find_pinned, open_store};
use etcd_backup_snapshot::restore::{Expected, RestoreError, Source};
use tokio_util::sync::CancellationToken;

use super::error::AgentError;
use crate::{clock, commands::restore::remote::remote};

/// The pinned snapshot, found and open.
pub(super) struct Opened {
    manifest: Manifest,
    reader: SnapshotReader,
}

impl Opened {
    /// What is known of it beforehand: the manifest's word, and the size that was pinned.
    pub(super) fn expected(&self, pinned: &PinnedSource) -> Expected {
        Expected {
            size: Some(pinned.snapshot_size),
            sha256: Some(self.manifest.snapshot.sha256.0),
            hash_kv: self.manifest.snapshot.hash_kv.map(Into::into),
        }
    }

    /// Its bytes.
    pub(super) fn source(self, cancelled: &CancellationToken) -> Source<'static> {
        remote(self.reader, cancelled)
    }
}

/// Finds a pinned snapshot and begins to read it.
pub(super) async fn open(
    source: &PinnedSource,
    access: &StoreAccess,
    decryption: Option<&str>,
    secrets: &Path,
) -> Result<Opened, AgentError> {
    let identities = identities(source, decryption, secrets)?;
    let store = open_store(&source.storage, access, secrets, clock::now())
        .await
        .map_err(AgentError::Store)?;
    let entry = find_pinned(&*store, source).await.map_err(AgentError::Store)?;
    let reader = read::open_unproved(&store, &entry.manifest, identities.as_ref())
        .await
        .map_err(AgentError::Read)?;
    Ok(Opened {
        manifest: entry.manifest,
        reader,
    })
}

fn identities(
    source: &PinnedSource,
    decryption: Option<&str>,
    secrets: &Path,
) -> Result<Option<Identities>, AgentError> {
    let Some(secret) = decryption else {
        return if source.encrypted {
            Err(AgentError::IdentityNeeded)
        } else {
            Ok(None)
        };
    };
    let text = fs::read_to_string(secrets.join(secret).join(keys::IDENTITY)).map_err(|source| {
        AgentError::ReadIdentities {
            secret: secret.to_owned(),
            source,
        }
    })?;
    let identities = Identities::parse(&text).map_err(|source| AgentError::ParseIdentities {
        secret: secret.to_owned(),
        source,
    })?;
    Ok(Some(identities))
}

/// What the engine says, in the words of agents.
pub(super) fn of_restore(error: RestoreError) -> AgentError {
    match error {
        RestoreError::Cancelled => AgentError::Interrupted,
        RestoreError::ReadSource(error) => AgentError::Read(ReadError::of(&error)),
        error => AgentError::Restore(error),
    }
}

/// Bytes that name temporary directories.
pub(super) fn random() -> Result<[u8; 16], AgentError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| AgentError::Internal("the system gives no random bytes"))?;
    Ok(random)
}
