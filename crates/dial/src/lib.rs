//! Where we may connect.
//!
//! Whoever may write a plan names the hosts that the operator connects to, and the operator may reach places its authors cannot:
//! its own loopback, the node's metadata service, the API server with the operator's identity. A [`DialPolicy`] refuses those
//! places. It is asked twice: for the text that was written ([`parse_url`], [`DialPolicy::check_url`]) and, because a name can
//! resolve to anything and to something else a second later, for every address just before it is dialled
//! ([`DialPolicy::resolve`], [`DialPolicy::connect`]). Nothing is resolved again between the check and the connection.
//!
//! Private networks (RFC 1918, `fc00::/7`) are allowed: that is where etcd and most object stores live.

mod address;
mod connect;
mod error;
mod policy;
mod target;

pub use error::{DialError, DialRefused, Forbidden};
pub use policy::DialPolicy;
pub use target::parse_url;
