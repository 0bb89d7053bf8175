//! The text of an endpoint.

use std::net::IpAddr;

use url::{Host, Url};

use crate::DialRefused;

/// Parses an endpoint strictly.
///
/// The URL standard forgives much: tabs and line breaks vanish, `\` becomes `/`, `http://0x7f.1` becomes `127.0.0.1`. Another parser
/// (the HTTP client's, the operating system's resolver) may forgive otherwise, and a check by one of them then proves nothing about the
/// other. So whatever needs forgiving is refused. Only `http` and `https`; no user info, query or fragment.
///
/// The address policy is not asked here: see [`crate::DialPolicy::check_url`].
pub fn parse_url(text: &str) -> Result<Url, DialRefused> {
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(DialRefused::Characters);
    }
    let url = Url::parse(text).map_err(|error| DialRefused::NotAUrl {
        reason: error.to_string(),
    })?;
    check_shape(&url)?;
    if let Some(Host::Ipv4(ip)) = url.host()
        && authority(text).is_none_or(|host| host != ip.to_string())
    {
        return Err(DialRefused::UnusualAddress {
            address: IpAddr::V4(ip),
        });
    }
    Ok(url)
}

/// Scheme, host, user info, query and fragment.
pub(crate) fn check_shape(url: &Url) -> Result<(), DialRefused> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(DialRefused::Scheme {
            scheme: url.scheme().chars().take(32).collect(),
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DialRefused::Userinfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(DialRefused::QueryOrFragment);
    }
    url.host().map(|_| ()).ok_or(DialRefused::NoHost)
}

/// The host as it was written, without its port. Only called for text whose host parsed as IPv4, so no brackets.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Some(host.split_once(':').map_or(host, |(host, _)| host))
}
