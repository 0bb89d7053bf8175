//! What can go wrong between TCP and the first request.

use std::{io, time::Duration};

/// TCP is there, TLS is not.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the TLS handshake was not finished within {0:?}")]
    Timeout(Duration),
    #[error("it hung up during the TLS handshake: does it speak TLS, or is http:// meant?")]
    HungUp,
    #[error("it speaks TLS but not HTTP/2: is this a client URL of etcd?")]
    NotHttp2,
    #[error("the TLS handshake failed")]
    Refused(#[source] io::Error),
}

impl HandshakeError {
    pub(super) fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::HungUp
            }
            _ => Self::Refused(error),
        }
    }
}
