//! What is needed to reach a cluster.

use std::{fmt, time::Duration};

use etcd_backup_dial::DialPolicy;

/// Everything needed to reach a cluster. `Debug` shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Client URLs, `http://` or `https://`, each reaching one member. A load balancer before several members works while it keeps a
    /// connection on one of them, but the member is then not ours to choose.
    pub endpoints: Vec<String>,
    /// Certificates for `https://`. Absent: the system's trust roots, no client certificate.
    pub tls: Option<Tls>,
    /// User and password. Ignored by a cluster whose authentication is off, as etcd's own clients do.
    pub auth: Option<Auth>,
    /// Which addresses may be dialled.
    pub policy: DialPolicy,
    /// Deadlines.
    pub timeouts: Timeouts,
}

impl Config {
    /// These endpoints; no certificates, no user, the default policy and deadlines.
    pub fn new<E>(endpoints: E) -> Self
    where
        E: IntoIterator,
        E::Item: Into<String>,
    {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// Certificates, each in PEM.
#[derive(Clone, Default)]
pub struct Tls {
    /// The authorities that may have signed the members' certificates. Absent: the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Our certificate, with its chain.
    pub cert_pem: Option<Vec<u8>>,
    /// The key of our certificate, unencrypted.
    pub key_pem: Option<Vec<u8>>,
    /// The name that the members' certificates must carry. Absent: the endpoint's host.
    pub server_name: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca_pem", &self.ca_pem.as_ref().map(Vec::len))
            .field("cert_pem", &self.cert_pem.as_ref().map(Vec::len))
            .field("key_pem", &self.key_pem.as_ref().map(|_| "***"))
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// A user of etcd's own authentication. Reading a snapshot needs the role `root`.
#[derive(Clone)]
pub struct Auth {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("username", &self.username)
            .field("password", &"***")
            .finish()
    }
}

/// How long to wait for what. There is no limit on a whole snapshot here, since that grows with the database: the caller sets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS together.
    pub connect: Duration,
    /// One request and its answer. Longer than the 7 s after which etcd itself gives up on a request without quorum
    /// (`ReqTimeout`, server/config/config.go: 5 s + 2 election timeouts), so that etcd's own word arrives.
    pub request: Duration,
    /// A snapshot stream that brings no byte for this long has stalled.
    pub idle: Duration,
    /// The least a snapshot stream must bring over [`Timeouts::throughput_window`], in bytes a second of waiting for etcd (time in
    /// which the caller does not ask does not count). `None`: any trickle will do.
    pub min_bytes_per_second: Option<u64>,
    /// The time over which throughput is judged.
    pub throughput_window: Duration,
    /// A connection that was silent for this long is asked for a sign of life (HTTP/2 PING), also while no request is open.
    pub keepalive_interval: Duration,
    /// How long that sign may take before the connection counts as dead.
    pub keepalive_timeout: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            min_bytes_per_second: None,
            throughput_window: Duration::from_mins(1),
            keepalive_interval: Duration::from_secs(15),
            keepalive_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_password_nor_key() {
        let config = Config {
            tls: Some(Tls {
                key_pem: Some(b"canary-key".to_vec()),
                ..Tls::default()
            }),
            auth: Some(Auth {
                username: "root".into(),
                password: "canary-password".into(),
            }),
            ..Config::new(["https://10.0.0.1:2379"])
        };
        let shown = format!("{config:?}");
        let bytes = format!("{:?}", b"canary-key");
        assert!(
            !shown.contains("canary") && !shown.contains(&bytes[1..bytes.len() - 1]),
            "{shown}"
        );
        assert!(shown.contains("root"));
    }
}
