//! Texts that people and attackers write for an endpoint, and what the default policy says to each.

use std::net::{IpAddr, SocketAddr};

use etcd_backup_dial::{DialPolicy, DialRefused, Forbidden, parse_url};

fn verdict(policy: &DialPolicy, text: &str) -> Result<(), DialRefused> {
    let url = parse_url(text)?;
    policy.check_url(&url)
}

const ORDINARY: &[&str] = &[
    "https://10.0.0.1:2379",
    "http://192.168.1.4:2379",
    "https://172.16.0.9:2379/",
    "https://etcd-0.etcd.default.svc.cluster.local:2379",
    "https://etcd.example.com.",
    "https://s3.eu-central-1.amazonaws.com",
    "https://[fd12:3456::7]:2379",
    "https://[2001:db8::1]",
    "https://8.8.8.8",
    "https://bücher.example",
];

#[test]
fn ordinary_endpoints_are_let_through() {
    for text in ORDINARY {
        assert_eq!(verdict(&DialPolicy::default(), text), Ok(()), "{text}");
    }
}

/// Text, and the kind of place behind it.
const PLACES: &[(&str, Forbidden)] = &[
    ("http://127.0.0.1:10250", Forbidden::Loopback),
    ("http://127.200.3.4", Forbidden::Loopback),
    ("http://[::1]:2379", Forbidden::Loopback),
    ("http://[::ffff:127.0.0.1]", Forbidden::Loopback),
    ("http://[::ffff:7f00:1]", Forbidden::Loopback),
    ("http://[::127.0.0.1]", Forbidden::Loopback),
    ("http://[64:ff9b::127.0.0.1]", Forbidden::Loopback),
    ("http://[64:ff9b:1::7f00:1]", Forbidden::Loopback),
    ("http://[2002:7f00:1::]", Forbidden::Loopback),
    ("http://localhost", Forbidden::Loopback),
    ("http://LocalHost.:2379", Forbidden::Loopback),
    ("http://a.localhost", Forbidden::Loopback),
    ("http://169.254.169.254/latest/meta-data/", Forbidden::LinkLocal),
    ("http://169.254.170.2", Forbidden::LinkLocal),
    ("http://[fe80::1]", Forbidden::LinkLocal),
    ("http://[::ffff:169.254.169.254]", Forbidden::LinkLocal),
    ("http://[64:ff9b::a9fe:a9fe]", Forbidden::LinkLocal),
    ("http://[2002:a9fe:a9fe::1]", Forbidden::LinkLocal),
    ("http://[fd00:ec2::254]", Forbidden::Metadata),
    ("http://[fd20:ce::254]", Forbidden::Metadata),
    ("http://100.100.100.200", Forbidden::Metadata),
    ("http://168.63.129.16", Forbidden::Metadata),
    ("http://metadata.google.internal", Forbidden::Metadata),
    ("http://METADATA.google.internal.", Forbidden::Metadata),
    ("http://0.0.0.0:2379", Forbidden::Unspecified),
    ("http://[::]", Forbidden::Unspecified),
    ("http://224.0.0.1", Forbidden::Multicast),
    ("http://255.255.255.255", Forbidden::Multicast),
    ("http://[ff02::1]", Forbidden::Multicast),
    ("http://240.0.0.1", Forbidden::Reserved),
];

#[test]
fn closed_places_are_refused_however_they_are_wrapped() {
    for (text, expected) in PLACES {
        match verdict(&DialPolicy::default(), text) {
            Err(DialRefused::Address { why, .. } | DialRefused::Name { why, .. }) => {
                assert_eq!(why, *expected, "{text}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn addresses_in_unusual_notation_are_refused_even_by_the_open_policy() {
    for text in [
        "http://2130706433/",
        "http://0x7f000001",
        "http://0x7f.1",
        "http://0177.0.0.1",
        "http://127.1",
        "http://127.0.1:80",
        "http://010.0.0.1",
        "http://127.0.0.1.",
        "http://%31%32%37.0.0.1",
        "http://①②⑦.0.0.1",
        "http:/127.0.0.1",
    ] {
        let refused = verdict(&DialPolicy::allow_all(), text);
        assert!(
            matches!(refused, Err(DialRefused::UnusualAddress { .. })),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn other_schemes_hidden_hosts_and_strange_characters_are_refused_even_by_the_open_policy() {
    type Expected = fn(&DialRefused) -> bool;
    let scheme: Expected = |r| matches!(r, DialRefused::Scheme { .. });
    let userinfo: Expected = |r| matches!(r, DialRefused::Userinfo);
    let characters: Expected = |r| matches!(r, DialRefused::Characters);
    let query: Expected = |r| matches!(r, DialRefused::QueryOrFragment);
    let not_a_url: Expected = |r| matches!(r, DialRefused::NotAUrl { .. });
    for (text, expected) in [
        ("file:///etc/passwd", scheme),
        ("gopher://10.0.0.1:70/_x", scheme),
        ("ftp://10.0.0.1", scheme),
        ("unix:///run/etcd.sock", scheme),
        ("javascript:alert(1)", scheme),
        ("10.0.0.1:2379", not_a_url),
        ("etcd.example:2379", scheme),
        ("http://a@b", userinfo),
        ("http://10.0.0.1:80@169.254.169.254/", userinfo),
        ("https://user:hunter2@etcd.example", userinfo),
        ("http://10.0.0.1\r\nHost: evil", characters),
        ("http://10.0.0.1/\nX: y", characters),
        ("http://10.0.0.1\t", characters),
        (" http://10.0.0.1", characters),
        ("http://10.0.0.1\u{0}", characters),
        ("http://good\\@evil", characters),
        ("http://10.0.0.1?token=abc", query),
        ("http://10.0.0.1#x", query),
        ("http://", not_a_url),
        ("http://[::1", not_a_url),
        ("http://10.0.0.1:99999", not_a_url),
        ("", not_a_url),
        ("http://1.2.3.4.5", not_a_url),
    ] {
        let refused = verdict(&DialPolicy::allow_all(), text).expect_err(text);
        assert!(expected(&refused), "{text}: {refused:?}");
    }
}

#[test]
fn a_refusal_never_repeats_a_password_or_a_query() {
    for text in [
        "https://user:hunter2@etcd.example",
        "https://etcd.example?token=hunter2",
        "hunter2",
    ] {
        let refused = parse_url(text).unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains("hunter2"),
            "{refused:?}"
        );
    }
}

#[test]
fn the_allow_list_opens_exactly_what_it_names() {
    let policy = DialPolicy::new(
        vec!["127.0.0.0/8".parse().unwrap(), "fd00:ec2::/32".parse().unwrap()],
        [""; 0],
    );
    for open in [
        "http://127.0.0.1:2379",
        "http://[::ffff:127.0.0.1]",
        "http://localhost:80",
        "http://[fd00:ec2::254]",
    ] {
        assert_eq!(verdict(&policy, open), Ok(()), "{open}");
    }
    for closed in [
        "http://[::1]",
        "http://169.254.169.254",
        "http://[::ffff:169.254.1.1]",
        "http://metadata.google.internal",
    ] {
        assert!(verdict(&policy, closed).is_err(), "{closed}");
    }
}

#[test]
fn a_denied_host_stays_denied_whatever_the_allow_list_says() {
    let policy = DialPolicy::new(
        vec!["0.0.0.0/0".parse().unwrap()],
        [
            "kubernetes.default.svc",
            "10.96.0.1",
            "127.0.0.1:6443",
            "[fd00::1]:443",
            "api.example:443",
        ],
    );
    for denied in [
        "https://kubernetes.default.svc",
        "https://KUBERNETES.default.svc.:6443",
        "https://10.96.0.1",
        "https://10.96.0.1:2379",
        "https://[::ffff:10.96.0.1]",
        "https://127.0.0.1:6443",
        "https://[fd00::1]",
        "https://api.example",
    ] {
        assert!(
            matches!(verdict(&policy, denied), Err(DialRefused::Denied { .. })),
            "{denied}"
        );
    }
    // With a port, only that port: an etcd beside the API server stays reachable.
    for open in [
        "https://127.0.0.1:2379",
        "https://[fd00::1]:2379",
        "https://api.example:2379",
    ] {
        assert_eq!(verdict(&policy, open), Ok(()), "{open}");
    }
    // Without knowing the port, the answer is no.
    assert!(policy.check_ip(IpAddr::from([127, 0, 0, 1])).is_err());
    assert!(
        policy
            .check_addr(SocketAddr::from(([127, 0, 0, 1], 2379)))
            .is_ok()
    );
}

#[test]
fn the_open_policy_lets_every_address_through() {
    for (text, _) in PLACES {
        assert_eq!(verdict(&DialPolicy::allow_all(), text), Ok(()), "{text}");
    }
}
