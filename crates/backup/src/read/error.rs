use std::{io, sync::Arc};

use etcd_backup_snapshot::VerifyError;
use etcd_backup_store::StoreError;
use thiserror::Error;

/// Why a backup cannot be read.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The store failed.
    #[error("read the snapshot: {0}")]
    Store(#[source] Arc<StoreError>),
    /// Encrypted, and no identity was given.
    #[error("the snapshot is encrypted: give an age identity (private key) of one of its recipients")]
    IdentityNeeded,
    /// Encrypted to others.
    #[error("none of the identities given can decrypt the snapshot")]
    WrongIdentity,
    /// What is stored cannot be decrypted or decompressed, or is not what the manifest says.
    #[error("the stored snapshot is damaged: {0}")]
    Damaged(&'static str),
    /// The manifest names no place where a backup can lie.
    #[error("the manifest names a plan that cannot exist")]
    Location,
    /// The reading thread ended in a way it never should.
    #[error("a task of this read failed")]
    Internal,
}

/// Why what is stored is not proved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The store could not be asked.
    #[error(transparent)]
    Store(StoreError),
    /// There is nothing under the key.
    #[error("the object is not there")]
    Missing,
    /// The store holds something else.
    #[error("the object is not what was stored: its {0} differs")]
    Differs(&'static str),
    /// What is stored cannot be turned back into a snapshot.
    #[error(transparent)]
    Read(ReadError),
    /// What is stored is not a sound snapshot.
    #[error("verify the stored snapshot: {0}")]
    Verify(VerifyError),
    /// Whoever wanted its bytes could not take them.
    #[error("pass the snapshot on: {0}")]
    Deliver(#[source] io::Error),
}

impl ReadError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::IdentityNeeded => "IdentityNeeded",
            Self::WrongIdentity => "WrongIdentity",
            Self::Damaged(_) => "Integrity",
            Self::Location => "ManifestInvalid",
            Self::Internal => "Internal",
        }
    }

    /// May the same again go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Internal => true,
            _ => false,
        }
    }
}

impl ProofError {
    /// A stable CamelCase word for conditions, events and metrics: `Integrity` when the store holds something else than it
    /// should.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Store(error) => error.reason(),
            Self::Missing => "Missing",
            Self::Differs(_) => "Integrity",
            Self::Read(error) => error.reason(),
            Self::Verify(error) => error.reason(),
            Self::Deliver(_) => "Deliver",
        }
    }

    /// May another attempt go well? True for damage too: of a run, the next attempt stores another copy.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Missing | Self::Differs(_) => true,
            Self::Read(error) => error.is_transient(),
            Self::Verify(_) | Self::Deliver(_) => false,
        }
    }

    /// Is it known that the object is not what it should be, as opposed to not knowing?
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Missing | Self::Differs(_) | Self::Read(ReadError::Damaged(_)) | Self::Verify(_)
        )
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
