use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Why an address range is closed by default. See [`crate::DialPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forbidden {
    /// `127.0.0.0/8`, `::1` and the name `localhost`: the process that connects, or its neighbours in the pod.
    Loopback,
    /// `169.254.0.0/16` and `fe80::/10`: the node, most clouds' metadata services among them.
    LinkLocal,
    /// A cloud's metadata service outside the link-local ranges.
    Metadata,
    /// `0.0.0.0/8` and `::`, which Linux routes to the local machine.
    Unspecified,
    /// `224.0.0.0/4`, `ff00::/8` and the broadcast address.
    Multicast,
    /// `240.0.0.0/4`: never assigned.
    Reserved,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud metadata service",
            Self::Unspecified => "the unspecified address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        })
    }
}

/// The policy or the form of the target forbids to connect. Never transient; the text names the host and nothing else of a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialRefused {
    /// The address lies in a range that is closed unless the administrator opens it.
    #[error("{address} is {why}, which may not be connected to (an administrator can allow it by CIDR)")]
    Address {
        /// The address as it would be dialled.
        address: IpAddr,
        /// The kind of range.
        why: Forbidden,
    },
    /// The name always means a forbidden address, whatever it resolves to.
    #[error("{host} is {why}, which may not be connected to (an administrator can allow it by CIDR)")]
    Name {
        /// The host, lower-cased and without a trailing dot.
        host: String,
        /// What it stands for.
        why: Forbidden,
    },
    /// The administrator denied this host (the cluster's own API server, say).
    #[error("{host} may not be connected to: it is on the list of denied hosts")]
    Denied {
        /// The denied host or address.
        host: String,
    },
    /// Anything but `http` and `https`.
    #[error("the scheme {scheme:?} is not supported: write http:// or https://")]
    Scheme {
        /// The scheme, at most 32 characters of it.
        scheme: String,
    },
    /// `http://user:password@host` hides the host from a reader, and puts a password where it is shown.
    #[error("the URL carries a user name or password: credentials belong in a Secret")]
    Userinfo,
    /// A query or a fragment has no meaning in an endpoint, and is where tokens hide.
    #[error("the URL carries a query or fragment, which an endpoint does not have")]
    QueryOrFragment,
    /// White space, control characters, backslashes: parsers disagree about them.
    #[error("the URL contains a space, a control character or a backslash")]
    Characters,
    /// `http://0x7f.1`, `http://2130706433`, `http://127.1`: IPv4 addresses written so that readers do not recognise them.
    #[error("the host is an IPv4 address in an unusual notation: write {address}")]
    UnusualAddress {
        /// The address it stands for.
        address: IpAddr,
    },
    /// No URL at all.
    #[error("not a URL: {reason}")]
    NotAUrl {
        /// What the parser said; never the text itself.
        reason: String,
    },
    /// A URL without a host.
    #[error("the URL has no host")]
    NoHost,
}

impl DialRefused {
    /// A stable CamelCase word for a condition's reason: always `EndpointRefused`.
    pub fn reason(&self) -> &'static str {
        "EndpointRefused"
    }
}

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The policy forbids it.
    #[error(transparent)]
    Refused(#[from] DialRefused),
    /// The name does not resolve.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// The name resolves to nothing.
    #[error("{host} has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// None of the addresses answered; the last one's error.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address that was dialled.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The deadline passed, resolving included.
    #[error("no connection to {host} within {after:?}")]
    Timeout {
        /// The host.
        host: String,
        /// The deadline.
        after: Duration,
    },
}

impl DialError {
    /// A stable CamelCase word for a condition's reason: `EndpointRefused` or `Unreachable`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.reason(),
            Self::Resolve { .. } | Self::NoAddress { .. } | Self::Connect { .. } | Self::Timeout { .. } => {
                "Unreachable"
            }
        }
    }

    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
