use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{forbidden, forbidden_name, meanings};
use crate::{DialRefused, Forbidden, target};

/// Which hosts may be connected to.
///
/// The default refuses loopback, link-local, metadata, unspecified, multicast and reserved addresses, also when wrapped into an
/// IPv6 address (mapped, NAT64, 6to4). `allow` opens ranges of them; a denied host stays denied whatever `allow` says.
#[derive(Debug, Clone, Default)]
pub struct DialPolicy {
    allow: Vec<IpNet>,
    deny: Vec<Denied>,
    everything: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Denied {
    host: String,
    ip: Option<IpAddr>,
    /// `None`: every port.
    port: Option<u16>,
}

impl DialPolicy {
    /// A policy with exceptions.
    ///
    /// `deny_hosts` are names or addresses, each with an optional port: `kubernetes.default.svc`, `10.96.0.1`, `10.96.0.1:443`,
    /// `[fd00::1]:443`. A name only denies that name: give the API server's address too.
    pub fn new<D>(allow: Vec<IpNet>, deny_hosts: D) -> Self
    where
        D: IntoIterator,
        D::Item: AsRef<str>,
    {
        Self {
            allow,
            deny: deny_hosts
                .into_iter()
                .map(|host| Denied::parse(host.as_ref()))
                .collect(),
            everything: false,
        }
    }

    /// Every address, for a command that a person runs with their own rights. The form of a URL is still checked.
    pub fn allow_all() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    /// Whether any port of this address may be dialled. [`Self::check_addr`] knows the port and is the stricter one.
    pub fn check_ip(&self, ip: IpAddr) -> Result<(), DialRefused> {
        self.check(ip, None)
    }

    /// Whether exactly this address and port may be dialled.
    pub fn check_addr(&self, addr: SocketAddr) -> Result<(), DialRefused> {
        self.check(addr.ip(), Some(addr.port()))
    }

    /// Whether a parsed URL may be used as an endpoint: scheme, user info, query, host. What its name resolves to is checked when it is
    /// dialled. Start from text with [`crate::parse_url`], since a parser already forgives what should be refused.
    pub fn check_url(&self, url: &Url) -> Result<(), DialRefused> {
        target::check_shape(url)?;
        let port = url.port_or_known_default();
        match url.host().ok_or(DialRefused::NoHost)? {
            Host::Domain(name) => self.check_name(name, port),
            Host::Ipv4(ip) => self.check(ip.into(), port),
            Host::Ipv6(ip) => self.check(ip.into(), port),
        }
    }

    /// Whether this name may be looked up at all.
    pub(crate) fn check_name(&self, name: &str, port: Option<u16>) -> Result<(), DialRefused> {
        if self.everything {
            return Ok(());
        }
        let host = canonical(name);
        if let Some(denied) = self.deny.iter().find(|d| d.host == host && d.covers(port)) {
            return Err(DialRefused::Denied {
                host: denied.host.clone(),
            });
        }
        match forbidden_name(&host) {
            // Where loopback addresses are opened, so is the name for them; the addresses it resolves to are checked one by one.
            Some(Forbidden::Loopback) if self.allow.iter().any(|net| net.addr().is_loopback()) => Ok(()),
            Some(why) => Err(DialRefused::Name { host, why }),
            None => Ok(()),
        }
    }

    fn check(&self, ip: IpAddr, port: Option<u16>) -> Result<(), DialRefused> {
        if self.everything {
            return Ok(());
        }
        for meaning in meanings(ip) {
            if let Some(denied) = self.deny.iter().find(|d| d.ip == Some(meaning) && d.covers(port)) {
                return Err(DialRefused::Denied {
                    host: denied.host.clone(),
                });
            }
        }
        for meaning in meanings(ip) {
            if let Some(why) = forbidden(meaning)
                && !self
                    .allow
                    .iter()
                    .any(|net| net.contains(&meaning) || net.contains(&ip))
            {
                return Err(DialRefused::Address { address: ip, why });
            }
        }
        Ok(())
    }
}

impl Denied {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Self {
                host: ip.to_string(),
                ip: Some(ip),
                port: None,
            };
        }
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Self {
                host: addr.ip().to_string(),
                ip: Some(addr.ip()),
                port: Some(addr.port()),
            };
        }
        match text.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => Self {
                host: canonical(host),
                ip: None,
                port: Some(port),
            },
            _ => Self {
                host: canonical(text),
                ip: None,
                port: None,
            },
        }
    }

    /// An unknown port is covered: refusing too early is the safe side.
    fn covers(&self, port: Option<u16>) -> bool {
        self.port.is_none() || port.is_none() || self.port == port
    }
}

/// One spelling for a name: lower case, no trailing dot.
pub(crate) fn canonical(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}
