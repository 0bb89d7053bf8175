//! What an address is, however it is written or wrapped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Forbidden;

/// Metadata services outside the link-local ranges: Alibaba Cloud, Azure's wire server, Oracle Cloud's older address.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The same over IPv6, all inside `fc00::/7`, which is otherwise open: AWS, Google Cloud, Scaleway.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x0042, 0, 0, 0, 0, 0, 0x42),
];

/// Every address that a packet to `ip` may end at: itself, and the IPv4 address it carries.
pub(crate) fn meanings(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let inner = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => embedded(v6).map(IpAddr::V4),
    };
    std::iter::once(ip).chain(inner)
}

/// The IPv4 address inside a mapped (`::ffff:0:0/96`), compatible (`::/96`), NAT64 (`64:ff9b::/96`, `64:ff9b:1::/48` in its /96
/// form) or 6to4 (`2002::/16`) address.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        // `::` and `::1` are no IPv4 addresses; they are judged as what they are.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => {
            Some(v4(high, low))
        }
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

/// Which closed range `ip` itself lies in, without looking inside it.
pub(crate) fn forbidden(ip: IpAddr) -> Option<Forbidden> {
    match ip {
        IpAddr::V4(v4) => forbidden_v4(v4),
        IpAddr::V6(v6) => forbidden_v6(v6),
    }
}

fn forbidden_v4(ip: Ipv4Addr) -> Option<Forbidden> {
    let first = ip.octets()[0];
    if METADATA_V4.contains(&ip) {
        Some(Forbidden::Metadata)
    } else if ip.is_loopback() {
        Some(Forbidden::Loopback)
    } else if ip.is_link_local() {
        Some(Forbidden::LinkLocal)
    } else if first == 0 {
        Some(Forbidden::Unspecified)
    } else if ip.is_multicast() || ip.is_broadcast() {
        Some(Forbidden::Multicast)
    } else if first >= 240 {
        Some(Forbidden::Reserved)
    } else {
        None
    }
}

fn forbidden_v6(ip: Ipv6Addr) -> Option<Forbidden> {
    if METADATA_V6.contains(&ip) {
        Some(Forbidden::Metadata)
    } else if ip.is_loopback() {
        Some(Forbidden::Loopback)
    } else if ip.is_unicast_link_local() {
        Some(Forbidden::LinkLocal)
    } else if ip.is_unspecified() {
        Some(Forbidden::Unspecified)
    } else if ip.is_multicast() {
        Some(Forbidden::Multicast)
    } else {
        None
    }
}

/// Names that mean a closed place by definition: RFC 6761's `localhost`, and Google Cloud's metadata service.
pub(crate) fn forbidden_name(host: &str) -> Option<Forbidden> {
    if host == "localhost" || host.ends_with(".localhost") {
        Some(Forbidden::Loopback)
    } else if host == "metadata.google.internal" || host == "metadata.goog" {
        Some(Forbidden::Metadata)
    } else {
        None
    }
}
