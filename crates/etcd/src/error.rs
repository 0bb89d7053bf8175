//! What can go wrong between us and a member.

use std::time::Duration;

use crate::{connect::CertificateProblem, snapshot::StreamProblem};

/// Why a member did not do what was asked. The text names the endpoint and the remedy where there is one, and never repeats what a server
/// that may not be etcd had to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdError {
    /// The configuration contradicts itself.
    #[error("{what}")]
    InvalidConfig {
        /// What is wrong with it.
        what: String,
    },
    /// The policy or the form of the URL forbids to connect.
    #[error("endpoint {endpoint}: {source}")]
    EndpointRefused {
        /// The endpoint, without user info or query.
        endpoint: String,
        /// Why.
        source: etcd_backup_dial::DialRefused,
    },
    /// No such endpoint in the configuration.
    #[error("endpoint {endpoint} is not one of the configured ones")]
    UnknownEndpoint {
        /// The endpoint that was asked for.
        endpoint: String,
    },
    /// The name does not resolve, nothing listens, the connection broke, or what answers does not speak etcd's protocol.
    #[error("endpoint {endpoint}: {problem}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// What happened.
        problem: String,
    },
    /// A certificate, theirs or ours, is not accepted or not readable.
    #[error("{}{problem}", endpoint.as_deref().map(|e| format!("endpoint {e}: ")).unwrap_or_default())]
    CertificateInvalid {
        /// The endpoint; absent when the certificate was not even tried.
        endpoint: Option<String>,
        /// What is wrong.
        problem: CertificateProblem,
    },
    /// etcd does not accept the user.
    #[error("endpoint {endpoint}: {problem}")]
    AuthenticationFailed {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with the credentials.
        problem: String,
    },
    /// etcd knows the user and does not let it do this.
    #[error(
        "endpoint {endpoint}: the user has no permission for {operation}: it needs the role root (etcdctl user grant-role <user> root)"
    )]
    PermissionDenied {
        /// The endpoint.
        endpoint: String,
        /// What was asked for.
        operation: &'static str,
    },
    /// The member knows no leader, or could not confirm with a majority that it is up to date.
    #[error(
        "endpoint {endpoint}: the cluster has no quorum ({detail}), so nothing newer than this member's own state can be proved"
    )]
    NoQuorum {
        /// The endpoint.
        endpoint: String,
        /// etcd's own word.
        detail: String,
    },
    /// No answer in time.
    #[error("endpoint {endpoint}: no answer to {operation} within {after:?}")]
    Timeout {
        /// The endpoint.
        endpoint: String,
        /// What was asked for.
        operation: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The snapshot stream brought too few bytes, or none.
    #[error("endpoint {endpoint}: the snapshot stalled at {received} of {total} bytes: {problem}")]
    Stalled {
        /// The endpoint.
        endpoint: String,
        /// Bytes received.
        received: u64,
        /// Bytes announced; 0 before the first message.
        total: u64,
        /// How it stalled.
        problem: String,
    },
    /// The snapshot stream ended early or contradicts itself.
    #[error("endpoint {endpoint}: the snapshot broke off at {received} of {total} bytes: {problem}")]
    StreamBroken {
        /// The endpoint.
        endpoint: String,
        /// Bytes received.
        received: u64,
        /// Bytes announced; 0 before the first message.
        total: u64,
        /// What is wrong.
        problem: StreamProblem,
    },
    /// Any other answer of etcd.
    #[error("endpoint {endpoint}: {operation} failed: {detail}")]
    Server {
        /// The endpoint.
        endpoint: String,
        /// What was asked for.
        operation: &'static str,
        /// etcd's message if it is one of etcd's, else the gRPC code.
        detail: String,
        /// Whether the code says that a later try may succeed.
        transient: bool,
    },
}

impl EtcdError {
    /// A stable CamelCase word, fit for a condition's reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidConfig { .. } | Self::UnknownEndpoint { .. } => "InvalidConfiguration",
            Self::EndpointRefused { source, .. } => source.reason(),
            Self::Unreachable { .. } | Self::Timeout { .. } => "Unreachable",
            Self::CertificateInvalid { .. } => "CertificateInvalid",
            Self::AuthenticationFailed { .. } => "AuthenticationFailed",
            Self::PermissionDenied { .. } => "PermissionDenied",
            Self::NoQuorum { .. } => "NoQuorum",
            Self::Stalled { .. } => "Stalled",
            Self::StreamBroken { .. } => "StreamBroken",
            Self::Server { .. } => "EtcdError",
        }
    }

    /// Whether the same thing, tried again later or on another member, may succeed without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::InvalidConfig { .. }
            | Self::UnknownEndpoint { .. }
            | Self::EndpointRefused { .. }
            | Self::CertificateInvalid { .. }
            | Self::AuthenticationFailed { .. }
            | Self::PermissionDenied { .. } => false,
            Self::Unreachable { .. }
            | Self::NoQuorum { .. }
            | Self::Timeout { .. }
            | Self::Stalled { .. }
            | Self::StreamBroken { .. } => true,
            Self::Server { transient, .. } => *transient,
        }
    }
}
