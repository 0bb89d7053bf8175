//! Who writes below a plan's prefix.
//!
//! Two clusters, or two bearers of one plan's name, that share a bucket and a prefix would prune each other's backups.
//! So the first to come writes `owner.json`, create-only, and whoever finds somebody else's touches nothing. To hand a
//! prefix over on purpose, a person removes that object.
//!
//! One bearer of the name follows another without a person's help: a plan that was deleted and created again in the same
//! Kubernetes cluster takes the prefix over. There the API server lets no two plans have one namespace and name at a time,
//! so whoever bears them now is the only one. What the one before wrote stays its own: it is listed, and never removed.

#[cfg(test)]
mod tests;

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use etcd_backup_store::{CreateOnly, GetRange, PutMode, Store, StoreError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{layout::PlanKey, manifest::FormatVersion};

/// The largest `owner.json` that is read. A real one has about 200 bytes.
const MAX_BYTES: usize = 4 * 1024;

/// The version that is written, and the only one that is believed.
const FORMAT: FormatVersion = FormatVersion { major: 1, minor: 0 };

/// Who a plan is, beyond its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// UID of the Kubernetes cluster (that of its `kube-system` namespace); none without Kubernetes.
    pub kubernetes_cluster_uid: Option<String>,
    /// The plan's UID; none without Kubernetes.
    pub plan_uid: Option<String>,
}

/// What `owner.json` holds, format 1.0. A promise to the future like the manifest's fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Record {
    /// Version of this format. Only an equal one is believed.
    format: FormatVersion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kubernetes_cluster_uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan_uid: Option<String>,
    /// When it was written.
    created: DateTime<Utc>,
}

/// Why a prefix is not ours.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OwnerError {
    /// Somebody else's.
    #[error(
        "{key} belongs to {owner}, since {since}: choose another prefix, or remove that object if its owner is gone for good"
    )]
    PrefixInUse {
        /// The object that says so.
        key: String,
        /// Whose it is.
        owner: Owner,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// There is an `owner.json` that cannot be understood: somebody's, but whose?
    #[error(
        "{key} cannot be understood, so the prefix is taken to be somebody else's: look at it, and remove it if it is nobody's"
    )]
    Unreadable {
        /// The object.
        key: String,
    },
    /// Nobody has claimed the prefix, which matters to whoever wants to delete.
    #[error("{key} is not there: nobody has claimed this prefix")]
    Unclaimed {
        /// The object that is missing.
        key: String,
    },
    /// The store did not give it.
    #[error("read the prefix's owner: {0}")]
    Read(#[source] StoreError),
    /// The store did not take it.
    #[error("claim the prefix: {0}")]
    Write(#[source] StoreError),
}

impl OwnerError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::PrefixInUse { .. } | Self::Unreadable { .. } => "PrefixInUse",
            Self::Unclaimed { .. } => "PrefixUnclaimed",
            Self::Read(error) | Self::Write(error) => error.reason(),
        }
    }

    /// May the same again go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Read(error) | Self::Write(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.plan_uid, &self.kubernetes_cluster_uid) {
            (None, None) => f.write_str("somebody without Kubernetes"),
            (plan, cluster) => {
                let [plan, cluster] =
                    [plan, cluster].map(|uid| uid.as_deref().map_or_else(|| "unknown".into(), shown));
                write!(
                    f,
                    "the plan with UID {plan} of the Kubernetes cluster with UID {cluster}"
                )
            }
        }
    }
}

/// A UID fit for a message: it comes out of a bucket.
fn shown(uid: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || c == '-';
    uid.chars()
        .map(|c| if harmless(c) { c } else { '?' })
        .take(64)
        .collect()
}

/// How a prefix came to be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It was before.
    Already,
    /// Nobody had it.
    First,
    /// An earlier bearer of the name had it.
    TakenOver {
        /// Whose it was.
        from: Owner,
    },
}

impl Owner {
    /// Is this the same name in the same Kubernetes cluster, only at another time? Without Kubernetes nobody says so.
    fn succeeds(&self, other: &Self) -> bool {
        self.kubernetes_cluster_uid.is_some()
            && self.kubernetes_cluster_uid == other.kubernetes_cluster_uid
            && self.plan_uid.is_some()
            && other.plan_uid.is_some()
    }
}

/// Makes sure that `owner` is the one who writes here, claiming the prefix if nobody has, or taking it over from an earlier
/// bearer of the plan's name in the same Kubernetes cluster.
///
/// Call it only for a plan that exists, and only as the leader: a process that still believed in a plan that is gone would
/// take the prefix back. (It damages nothing even then: keys are unique, and nobody removes what another plan wrote.)
///
/// Where the store cannot create only, two first claims at the same moment may both succeed; every later one finds out, so
/// ask again before each run.
pub async fn claim(
    store: &dyn Store,
    plan: &PlanKey,
    owner: &Owner,
    now: DateTime<Utc>,
) -> Result<Claimed, OwnerError> {
    let (mode, claimed) = match check(store, plan, owner).await {
        Ok(()) => return Ok(Claimed::Already),
        Err(OwnerError::Unclaimed { .. }) => (PutMode::Create, Claimed::First),
        Err(OwnerError::PrefixInUse { owner: from, .. }) if owner.succeeds(&from) => {
            (PutMode::Overwrite, Claimed::TakenOver { from })
        }
        Err(error) => return Err(error),
    };
    let record = Record {
        format: FORMAT,
        kubernetes_cluster_uid: owner.kubernetes_cluster_uid.clone(),
        plan_uid: owner.plan_uid.clone(),
        created: now,
    };
    let key = plan.owner_key();
    let mut bytes =
        serde_json::to_vec_pretty(&record).map_err(|_| OwnerError::Unreadable { key: key.clone() })?;
    bytes.push(b'\n');
    match store.put(&key, Bytes::from(bytes), mode).await {
        // Read again even after success: whoever looked at the same moment must find the same answer.
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => check(store, plan, owner).await.map(|()| claimed),
        Err(error) => Err(OwnerError::Write(error)),
    }
}

/// Is `owner` the one who writes here? Changes nothing.
pub async fn check(store: &dyn Store, plan: &PlanKey, owner: &Owner) -> Result<(), OwnerError> {
    let key = plan.owner_key();
    match read(store, &key).await? {
        Some(found) => is(owner, &key, found),
        None => Err(OwnerError::Unclaimed { key }),
    }
}

/// Is `owner` the one that was found?
fn is(owner: &Owner, key: &str, (found, since): (Owner, DateTime<Utc>)) -> Result<(), OwnerError> {
    if found == *owner {
        return Ok(());
    }
    Err(OwnerError::PrefixInUse {
        key: key.to_owned(),
        owner: found,
        since,
    })
}

/// Whether the store itself refuses to create where something is. Found out on `owner.json`, which stays as it is; nothing else is
/// touched, and nothing at all unless `owner` is the one who writes here.
pub async fn creates_only(
    store: &dyn Store,
    plan: &PlanKey,
    owner: &Owner,
) -> Result<CreateOnly, OwnerError> {
    let key = plan.owner_key();
    let Some(bytes) = bytes(store, &key).await? else {
        return Err(OwnerError::Unclaimed { key });
    };
    is(owner, &key, parse(&key, &bytes)?)?;
    store.creates_only(&key, bytes).await.map_err(OwnerError::Write)
}

/// Who writes here, as `owner.json` says; `None` if nobody has claimed the prefix. Changes nothing.
pub async fn find(store: &dyn Store, plan: &PlanKey) -> Result<Option<Owner>, OwnerError> {
    Ok(read(store, &plan.owner_key()).await?.map(|(owner, _)| owner))
}

async fn read(store: &dyn Store, key: &str) -> Result<Option<(Owner, DateTime<Utc>)>, OwnerError> {
    let bytes = bytes(store, key).await?;
    bytes.map(|bytes| parse(key, &bytes)).transpose()
}

async fn bytes(store: &dyn Store, key: &str) -> Result<Option<Bytes>, OwnerError> {
    let object = match store.get(key, GetRange::all()).await {
        Ok(object) => object,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(OwnerError::Read(error)),
    };
    if object.meta.size > MAX_BYTES as u64 {
        return Err(OwnerError::Unreadable { key: key.to_owned() });
    }
    object.bytes(MAX_BYTES).await.map(Some).map_err(OwnerError::Read)
}

fn parse(key: &str, bytes: &[u8]) -> Result<(Owner, DateTime<Utc>), OwnerError> {
    let record: Record =
        serde_json::from_slice(bytes).map_err(|_| OwnerError::Unreadable { key: key.to_owned() })?;
    if record.format != FORMAT {
        return Err(OwnerError::Unreadable { key: key.to_owned() });
    }
    let owner = Owner {
        kubernetes_cluster_uid: record.kubernetes_cluster_uid,
        plan_uid: record.plan_uid,
    };
    Ok((owner, record.created))
}
