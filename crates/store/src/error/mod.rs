//! What can go wrong with a store, by what a caller can do about it.
//!
//! No variant carries a response body, a credential or a URL's query: only the operation, the key, an
//! HTTP status, an error code out of a known list, and a request id of harmless characters.

mod cause;
mod context;
#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use cause::Cause;
pub(crate) use context::shown_key;
pub use context::{Context, Operation};

/// The error of every [`Store`](crate::Store) call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object under this key.
    #[error("{at}: no such object")]
    NotFound {
        /// What was asked.
        at: Box<Context>,
    },
    /// A create-only write found somebody else's object.
    #[error("{at}: an object is already there")]
    AlreadyExists {
        /// What was asked.
        at: Box<Context>,
    },
    /// The object is no longer the one that was being read.
    #[error("{at}: the object was replaced meanwhile")]
    Changed {
        /// What was asked.
        at: Box<Context>,
    },
    /// The credentials are good but do not allow this.
    #[error("{at}: permission denied{}", needs(*.permission))]
    PermissionDenied {
        /// What was asked.
        at: Box<Context>,
        /// The permission that is missing, in the store's own words (`s3:PutObject`).
        permission: Option<&'static str>,
    },
    /// The bucket or directory does not exist. It is never created.
    #[error("{at}: {place} does not exist, and it is never created by us")]
    NoSuchBucket {
        /// What was asked.
        at: Box<Context>,
        /// The bucket or directory.
        place: String,
    },
    /// The store does not accept the credentials.
    #[error(
        "{at}: the store does not accept the credentials: check the keys (storage.s3.credentials, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY)"
    )]
    InvalidCredentials {
        /// What was asked.
        at: Box<Context>,
    },
    /// No credentials were given and the environment holds none.
    #[error("{at}: no credentials: none are configured and none were found in the environment")]
    MissingCredentials {
        /// What was asked.
        at: Box<Context>,
        /// What the provider chain said.
        #[source]
        source: Cause,
    },
    /// The operator's own credentials are not sent to an endpoint that a resource chose.
    #[error(
        "the credentials of the environment are not sent to {endpoint}: give this store credentials of its \
         own, or have the administrator list the endpoint among those that may receive them"
    )]
    AmbientRefused {
        /// The endpoint, without user info, path or query.
        endpoint: String,
    },
    /// The bucket lives in another region than the one configured.
    #[error("{at}: the bucket is not in region {configured}{}", actually(.actual.as_deref()))]
    WrongRegion {
        /// What was asked.
        at: Box<Context>,
        /// The region requests were signed for.
        configured: String,
        /// The region the store named, if it did.
        actual: Option<String>,
    },
    /// The endpoint answered with a redirect, which is not followed: it could lead anywhere.
    #[error(
        "{at}: the endpoint redirects elsewhere; redirects are not followed, so set the endpoint and region of the bucket"
    )]
    Redirected {
        /// What was asked.
        at: Box<Context>,
    },
    /// Our clock and the store's are too far apart.
    #[error(
        "{at}: this machine's clock and the store's differ too much{}; set the wrong one right (NTP), nothing else helps",
        by(*.offset_seconds)
    )]
    ClockSkew {
        /// What was asked.
        at: Box<Context>,
        /// The store's clock minus ours, in seconds.
        offset_seconds: Option<i64>,
    },
    /// The store asks us to slow down, and kept asking for as long as we tried.
    #[error("{at}: the store asks to slow down")]
    Throttled {
        /// What was asked.
        at: Box<Context>,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The store could not be reached, or answered with a fault of its own.
    #[error("{at}: the store is unavailable")]
    Unavailable {
        /// What was asked.
        at: Box<Context>,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// No byte moved for too long.
    #[error("{at}: nothing moved for {} s", .after.as_secs_f32())]
    Timeout {
        /// What was asked.
        at: Box<Context>,
        /// For how long.
        after: Duration,
    },
    /// The server's certificate is not accepted.
    #[error("{at}: the server's certificate is not accepted")]
    CertificateInvalid {
        /// What was asked.
        at: Box<Context>,
        /// Why not.
        #[source]
        source: Cause,
    },
    /// What the store holds or answers is not what was sent.
    #[error("{at}: {why}")]
    Corrupted {
        /// What was asked.
        at: Box<Context>,
        /// What differs.
        why: String,
    },
    /// The store cannot do this.
    #[error(
        "{at}: the store does not support this: leave out what asks for it (storage class, encryption, Object Lock, \
         checksums), or use another store"
    )]
    Unsupported {
        /// What was asked.
        at: Box<Context>,
    },
    /// A retention or a legal hold protects the object.
    #[error("{at}: the object is locked{}", ending(.until.as_ref()))]
    Locked {
        /// What was asked.
        at: Box<Context>,
        /// When the retention ends, where the store says so.
        until: Option<DateTime<Utc>>,
    },
    /// No space or quota left.
    #[error("{at}: the store is full: give it more space or quota, or remove there what nobody needs")]
    Full {
        /// What was asked.
        at: Box<Context>,
    },
    /// The upload is gone: aborted by somebody or expired.
    #[error("{at}: the upload no longer exists")]
    NoSuchUpload {
        /// What was asked.
        at: Box<Context>,
    },
    /// The store refuses the request as it stands; the same again will not help.
    #[error(
        "{at}: the store refuses the request: check what is set for it (region, storage class, encryption, Object Lock), \
         and what its own log says of this request"
    )]
    Rejected {
        /// What was asked.
        at: Box<Context>,
    },
    /// The caller asked for something that cannot be.
    #[error("{at}: {why}")]
    InvalidRequest {
        /// What was asked.
        at: Box<Context>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// This key is not accepted, whatever the store.
    #[error("the key {key:?} is not accepted: {why}")]
    InvalidKey {
        /// The key, cut short if it is long.
        key: String,
        /// Why not.
        why: &'static str,
    },
    /// The configuration cannot work.
    #[error("{field}: {why}")]
    InvalidConfig {
        /// The field at fault.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The endpoint is a place we do not connect to.
    #[error("the endpoint is refused")]
    EndpointRefused {
        /// Why.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::AlreadyExists { .. } => "AlreadyExists",
            Self::Changed { .. } => "Changed",
            Self::PermissionDenied { .. } => "PermissionDenied",
            Self::NoSuchBucket { .. } => "NoSuchBucket",
            Self::InvalidCredentials { .. } => "InvalidCredentials",
            Self::MissingCredentials { .. } => "MissingCredentials",
            Self::AmbientRefused { .. } => "AmbientCredentialsRefused",
            Self::WrongRegion { .. } => "WrongRegion",
            Self::Redirected { .. } => "Redirected",
            Self::ClockSkew { .. } => "ClockSkew",
            Self::Throttled { .. } => "Throttled",
            Self::Unavailable { .. } => "StoreUnavailable",
            Self::Timeout { .. } => "Timeout",
            Self::CertificateInvalid { .. } => "CertificateInvalid",
            Self::Corrupted { .. } => "Corrupted",
            Self::Unsupported { .. } => "Unsupported",
            Self::Locked { .. } => "Locked",
            Self::Full { .. } => "StoreFull",
            Self::NoSuchUpload { .. } => "NoSuchUpload",
            Self::Rejected { .. } => "Rejected",
            Self::InvalidRequest { .. } => "InvalidRequest",
            Self::InvalidKey { .. } => "InvalidKey",
            Self::InvalidConfig { .. } => "InvalidConfig",
            Self::EndpointRefused { .. } => "EndpointRefused",
        }
    }

    /// May a later attempt, under a new key, go well with nothing changed by a person?
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::Unavailable { .. }
                | Self::Timeout { .. }
                | Self::Corrupted { .. }
                | Self::NoSuchUpload { .. }
        )
    }

    /// Is this [`StoreError::NotFound`]?
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

fn needs(permission: Option<&str>) -> String {
    permission.map_or_else(String::new, |p| format!(" (needs {p})"))
}

fn actually(region: Option<&str>) -> String {
    region.map_or_else(String::new, |r| format!(": it is in {r}"))
}

fn by(offset: Option<i64>) -> String {
    offset.map_or_else(String::new, |seconds| {
        let side = if seconds < 0 { "behind" } else { "ahead of" };
        format!(": the store's is {} s {side} ours", seconds.unsigned_abs())
    })
}

fn ending(until: Option<&DateTime<Utc>>) -> String {
    until.map_or_else(String::new, |t| {
        format!(" until {}", t.format("%Y-%m-%dT%H:%M:%SZ"))
    })
}
