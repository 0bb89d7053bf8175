use etcd_backup_store::StoreError;
use thiserror::Error;

use crate::owner::OwnerError;

/// Why it is not known what a bucket holds.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It could not be listed.
    #[error("list what the store holds: {0}")]
    List(#[source] StoreError),
    /// A manifest could not be read. (One that was read and is wrong is no error: it is listed as broken.)
    #[error("read a manifest: {0}")]
    ReadManifest(#[source] StoreError),
    /// A snapshot could not be asked for.
    #[error("look for a snapshot: {0}")]
    FindSnapshot(#[source] StoreError),
}

/// Why a backup was not removed, or only half.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// The manifest could not be read. Nothing was removed.
    #[error("read the manifest before removing it: {0}")]
    ReadManifest(#[source] StoreError),
    /// Another manifest lies there than the one that was decided on. Nothing was removed.
    #[error("its manifest has changed since it was decided on")]
    Changed,
    /// The manifest could not be removed: it is still a backup.
    #[error("remove the manifest: {0}")]
    RemoveManifest(#[source] StoreError),
    /// The store said that the manifest was removed, but it is still there: it is still a backup.
    #[error("the store said that it removed the manifest, but still has it")]
    StillThere,
    /// The manifest is gone, the snapshot is not. It is swept later.
    #[error("remove the snapshot: {0}")]
    RemoveSnapshot(#[source] StoreError),
    /// Somebody wants it after all. Nothing was removed.
    #[error(transparent)]
    Spared(#[from] Spared),
    /// Nobody could say whether somebody wants it. Nothing was removed.
    #[error("whether it may still go is not known: {0}")]
    Unasked(String),
    /// This process may no longer write.
    #[error(transparent)]
    Fenced(#[from] crate::write::Fenced),
}

/// Why a backup that was to go is left alone after all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Spared {
    /// A stable CamelCase word for conditions, events and metrics.
    pub reason: &'static str,
    /// In a sentence.
    pub why: String,
    /// Whether that may be over soon, with nothing changed by a person.
    pub transient: bool,
}

impl Spared {
    /// By the word of a person, for as long as that stands.
    pub fn by_request(reason: &'static str, why: &str) -> Self {
        Self {
            reason,
            why: why.to_owned(),
            transient: false,
        }
    }
}

/// Why nothing was swept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The prefix is not known to be ours.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// It is not known what is there.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// This process may no longer write.
    #[error(transparent)]
    Fenced(#[from] crate::write::Fenced),
}

impl CatalogueError {
    fn store(&self) -> &StoreError {
        match self {
            Self::List(error) | Self::ReadManifest(error) | Self::FindSnapshot(error) => error,
        }
    }

    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        self.store().reason()
    }

    /// May the same again go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        self.store().is_transient()
    }
}

impl RemoveError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ReadManifest(error) | Self::RemoveManifest(error) | Self::RemoveSnapshot(error) => {
                error.reason()
            }
            Self::Changed => "Changed",
            Self::Spared(spared) => spared.reason,
            Self::Unasked(_) => "Unasked",
            Self::StillThere => "StillThere",
            Self::Fenced(_) => "Fenced",
        }
    }

    /// May the same again go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ReadManifest(error) | Self::RemoveManifest(error) | Self::RemoveSnapshot(error) => {
                error.is_transient()
            }
            Self::StillThere | Self::Unasked(_) => true,
            Self::Spared(spared) => spared.transient,
            Self::Changed | Self::Fenced(_) => false,
        }
    }

    /// Is it still a backup? Otherwise its manifest is gone, and only its snapshot is left.
    pub fn is_still_a_backup(&self) -> bool {
        !matches!(self, Self::RemoveSnapshot(_))
    }
}

impl SweepError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Owner(error) => error.reason(),
            Self::Catalogue(error) => error.reason(),
            Self::Fenced(_) => "Fenced",
        }
    }

    /// May the same again go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Owner(error) => error.is_transient(),
            Self::Catalogue(error) => error.is_transient(),
            Self::Fenced(_) => false,
        }
    }
}
