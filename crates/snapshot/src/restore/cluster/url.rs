//! Peer URLs, by etcd's rules (`client/pkg/types/urls.go`).

use super::error::UrlFlaw;

/// A peer URL in the form in which etcd prints it, which is the form that ids are made of.
///
/// etcd takes http, https, unix and unixs. The first two need `host:port` and nothing behind it. Stricter than etcd, which
/// lets them pass: an empty host, a port that is none, user information, queries, fragments, and characters that Go would
/// escape.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerUrl(String);

impl PeerUrl {
    /// Reads a URL; spaces around it do not count.
    ///
    /// # Errors
    ///
    /// [`UrlFlaw`], the first thing wrong.
    pub fn parse(text: &str) -> Result<Self, UrlFlaw> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(UrlFlaw::Scheme)?;
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "http" | "https" => check_authority(rest)?,
            "unix" | "unixs" => check_socket(rest)?,
            _ => return Err(UrlFlaw::Scheme),
        }
        Ok(Self(format!("{scheme}://{rest}")))
    }

    /// As etcd prints it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `host:port` and nothing else.
fn check_authority(authority: &str) -> Result<(), UrlFlaw> {
    if authority.contains(['/', '?', '#']) {
        return Err(UrlFlaw::Path);
    }
    if authority.contains('@') {
        return Err(UrlFlaw::User);
    }
    let (host, port) = authority.rsplit_once(':').ok_or(UrlFlaw::HostPort)?;
    if port.is_empty()
        || !port.bytes().all(|digit| digit.is_ascii_digit())
        || !matches!(port.parse(), Ok(1..=u16::MAX))
    {
        return Err(UrlFlaw::HostPort);
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        // A zone would have to be escaped, and means nothing to other machines.
        return match address.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(UrlFlaw::HostPort),
        };
    }
    if host.is_empty() || host.contains([':', '[', ']']) {
        return Err(UrlFlaw::HostPort);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if host.bytes().all(plain) {
        Ok(())
    } else {
        Err(UrlFlaw::Character)
    }
}

/// A socket's path, or the `host:port` that etcd's tests name sockets by.
fn check_socket(path: &str) -> Result<(), UrlFlaw> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte);
    if path.is_empty() {
        Err(UrlFlaw::HostPort)
    } else if path.bytes().all(plain) {
        Ok(())
    } else {
        Err(UrlFlaw::Character)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_etcd_takes_is_taken_in_the_form_it_prints() {
        for (text, printed) in [
            ("http://10.0.0.1:2380", "http://10.0.0.1:2380"),
            ("  https://etcd-0.etcd.svc:2380 ", "https://etcd-0.etcd.svc:2380"),
            ("HTTPS://Host:1", "https://Host:1"),
            ("http://[fd00::1]:2380", "http://[fd00::1]:2380"),
            ("unix:///run/etcd/peer.sock", "unix:///run/etcd/peer.sock"),
            ("unixs://localhost:2380", "unixs://localhost:2380"),
        ] {
            assert_eq!(
                PeerUrl::parse(text).map(|url| url.0),
                Ok(printed.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_etcd_refuses_or_what_makes_no_sense_is_refused() {
        for (text, flaw) in [
            ("", UrlFlaw::Scheme),
            ("10.0.0.1:2380", UrlFlaw::Scheme),
            ("ftp://a:1", UrlFlaw::Scheme),
            ("http://10.0.0.1", UrlFlaw::HostPort),
            ("http://fd00::1:2380", UrlFlaw::HostPort),
            ("http://[fd00::1]", UrlFlaw::HostPort),
            ("http://[fe80::1%25eth0]:1", UrlFlaw::HostPort),
            ("http://:2380", UrlFlaw::HostPort),
            ("http://a:", UrlFlaw::HostPort),
            ("http://a:0", UrlFlaw::HostPort),
            ("http://a:65536", UrlFlaw::HostPort),
            ("http://a:+80", UrlFlaw::HostPort),
            ("http://a:1/", UrlFlaw::Path),
            ("http://a:1?x=1", UrlFlaw::Path),
            ("http://a:1#x", UrlFlaw::Path),
            ("http://user:secret@a:1", UrlFlaw::User),
            ("http://a b:1", UrlFlaw::Character),
            ("http://ä:1", UrlFlaw::Character),
            ("http://a\u{7f}:1", UrlFlaw::Character),
            ("unix://", UrlFlaw::HostPort),
            ("unix:///a b", UrlFlaw::Character),
        ] {
            assert_eq!(PeerUrl::parse(text), Err(flaw), "{text}");
        }
    }
}
