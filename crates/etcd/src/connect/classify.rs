//! From the client library's errors to ours.

use std::{error::Error, io};

use etcd_backup_dial::DialError;
use tonic::{Code, Status};

use super::{CertificateProblem, handshake::HandshakeError};
use crate::{EtcdError, text};

/// etcd's words for "no majority answered" (api/v3rpc/rpctypes/error.go and server/etcdserver/errors/errors.go).
const NO_QUORUM: &[&str] = &[
    "etcdserver: no leader",
    "etcdserver: request timed out",
    "etcdserver: request timed out, possibly due to connection lost",
    "etcdserver: request timed out, possibly due to previous leader failure",
];

/// Turns an error of the client library into one that says what happened, at which endpoint, during what.
pub(crate) fn classify(endpoint: &str, operation: &'static str, error: &etcd_client::Error) -> EtcdError {
    use etcd_client::Error as E;
    match error {
        // A status that a server sent has no source; one that was made from a local error carries it.
        E::GRpcStatus(status) if status.source().is_none() => answered(endpoint, operation, status),
        E::GRpcStatus(status) => broken(endpoint, status),
        E::TransportError(error) => broken(endpoint, error),
        E::IoError(error) => broken(endpoint, error),
        E::InvalidMetadataValue(_) => EtcdError::AuthenticationFailed {
            endpoint: endpoint.to_owned(),
            problem: "etcd answered with a token that cannot be sent back".to_owned(),
        },
        _ => EtcdError::Unreachable {
            endpoint: endpoint.to_owned(),
            problem: "the answer cannot be understood".to_owned(),
        },
    }
}

/// A gRPC status that came from the other side.
fn answered(endpoint: &str, operation: &'static str, status: &Status) -> EtcdError {
    let endpoint = endpoint.to_owned();
    let message = status.message();
    if NO_QUORUM.contains(&message) {
        let detail = message.trim_start_matches("etcdserver: ").to_owned();
        return EtcdError::NoQuorum { endpoint, detail };
    }
    if let Some(problem) = credentials(status) {
        let problem = problem.to_owned();
        return EtcdError::AuthenticationFailed { endpoint, problem };
    }
    if status.code() == Code::PermissionDenied || bare(message) == "permission denied" {
        return EtcdError::PermissionDenied { endpoint, operation };
    }
    match (status.code(), text::etcd_message(message)) {
        (code, Some(detail)) => EtcdError::Server {
            endpoint,
            operation,
            detail,
            transient: transient(code),
        },
        // Not etcd's words: a proxy, or no etcd at all.
        (code, None) => EtcdError::Unreachable {
            endpoint,
            problem: format!(
                "{operation} was answered with {code:?}, not by etcd: is this a client URL of etcd?"
            ),
        },
    }
}

/// etcd's message without what part of it says so.
fn bare(message: &str) -> &str {
    let message = message.strip_prefix("etcdserver: ").unwrap_or(message);
    message.strip_prefix("auth: ").unwrap_or(message)
}

fn credentials(status: &Status) -> Option<&'static str> {
    // Some of etcd's handlers pass their error on as it is, with another prefix and the code Unknown.
    match bare(status.message()) {
        "user name is empty" => Some("etcd demands a user name and password, and none was given"),
        "authentication failed, invalid user ID or password" => {
            Some("the user name or the password is wrong")
        }
        _ if status.code() == Code::Unauthenticated => {
            Some("etcd did not accept the session, also after signing in again: was the password changed?")
        }
        _ => None,
    }
}

/// Codes after which etcd's own client tries again, or the state of the cluster decides.
fn transient(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::FailedPrecondition
            | Code::Internal
    )
}

/// No answer: the connection was not made, or broke.
fn broken(endpoint: &str, error: &(dyn Error + 'static)) -> EtcdError {
    let endpoint = endpoint.to_owned();
    for cause in chain(error) {
        if let Some(DialError::Refused(source)) = cause.downcast_ref::<DialError>() {
            let source = source.clone();
            return EtcdError::EndpointRefused { endpoint, source };
        }
        if let Some(dial) = cause.downcast_ref::<DialError>() {
            let problem = with_causes(dial);
            return EtcdError::Unreachable { endpoint, problem };
        }
        if let Some(handshake) = cause.downcast_ref::<HandshakeError>()
            && !matches!(handshake, HandshakeError::Refused(_))
        {
            let problem = handshake.to_string();
            return EtcdError::Unreachable { endpoint, problem };
        }
        if let Some(problem) = cause
            .downcast_ref::<rustls::Error>()
            .and_then(CertificateProblem::of)
        {
            let endpoint = Some(endpoint);
            return EtcdError::CertificateInvalid { endpoint, problem };
        }
    }
    let hint = if endpoint.starts_with("http://") {
        "; if it does every time: is https:// meant?"
    } else {
        ""
    };
    let problem = format!("{}{hint}", how_lost(error));
    EtcdError::Unreachable { endpoint, problem }
}

/// How a connection was lost, in words of ours: what the libraries print may quote the other side.
pub(crate) fn how_lost(error: &(dyn Error + 'static)) -> String {
    let said = chain(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    if said.contains("keep-alive timed out") {
        return "the member gave no sign of life (HTTP/2 keep-alive timed out)".to_owned();
    }
    let kind = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind));
    match kind {
        Some(io::ErrorKind::Other) | None => {
            "the connection broke, or what listens there does not speak gRPC".to_owned()
        }
        Some(kind) => format!("the connection broke ({kind})"),
    }
}

fn with_causes(error: &DialError) -> String {
    match error {
        // `Connect` prints its source itself.
        DialError::Resolve { source, .. } => format!("{error}: {source}"),
        other => other.to_string(),
    }
}

/// An error and its causes. `io::Error` hides what it wraps from `source`, so it is opened here.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
