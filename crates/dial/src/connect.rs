//! Resolving and connecting, with the check in between.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::policy::canonical;
use crate::{DialError, DialPolicy, DialRefused};

impl DialPolicy {
    /// The addresses of `host` that may be dialled, in the resolver's order. `host` is a name or an address (IPv6 with or without
    /// brackets).
    ///
    /// Guarantees that each returned address passed [`Self::check_addr`]. Dial these; resolving again may give others.
    ///
    /// # Errors
    /// Refused when no address is left; then the first address's refusal is the one reported.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let bare = host
            .strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return self.permitted(bare, [SocketAddr::new(ip, port)]);
        }
        self.check_name(bare, Some(port))?;
        let found = lookup_host((bare, port))
            .await
            .map_err(|source| DialError::Resolve {
                host: canonical(bare),
                source,
            })?;
        self.permitted(bare, found)
    }

    /// Opens a TCP connection to the first permitted address of `host` that answers, all within `deadline`. `TCP_NODELAY` is set.
    pub async fn connect(&self, host: &str, port: u16, deadline: Duration) -> Result<TcpStream, DialError> {
        timeout(deadline, async {
            let addresses = self.resolve(host, port).await?;
            // One dead address must not use up the time of the living ones.
            let share = deadline / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
            first_to_answer(&addresses, share).await
        })
        .await
        .unwrap_or_else(|_| {
            Err(DialError::Timeout {
                host: canonical(host),
                after: deadline,
            })
        })
    }

    fn permitted(
        &self,
        host: &str,
        found: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let mut refused: Option<DialRefused> = None;
        let mut permitted = Vec::new();
        for address in found {
            match self.check_addr(address) {
                Ok(()) => permitted.push(address),
                Err(why) => {
                    refused.get_or_insert(why);
                }
            }
        }
        match (permitted.is_empty(), refused) {
            (false, _) => Ok(permitted),
            (true, Some(why)) => Err(why.into()),
            (true, None) => Err(DialError::NoAddress {
                host: canonical(host),
            }),
        }
    }
}

async fn first_to_answer(addresses: &[SocketAddr], share: Duration) -> Result<TcpStream, DialError> {
    let mut last = None;
    for &address in addresses {
        let attempt = timeout(share, TcpStream::connect(address))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(source) => last = Some(DialError::Connect { address, source }),
        }
    }
    // `resolve` never returns an empty list.
    Err(last.unwrap_or_else(|| DialError::NoAddress { host: String::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_flips_to_loopback_is_refused_at_the_second_look() {
        let policy = DialPolicy::default();
        let first = [SocketAddr::from(([10, 0, 0, 7], 2379))];
        assert_eq!(policy.permitted("etcd.example", first).unwrap(), first);
        let flipped = [SocketAddr::from(([127, 0, 0, 1], 2379))];
        assert!(matches!(
            policy.permitted("etcd.example", flipped),
            Err(DialError::Refused(_))
        ));
    }

    #[test]
    fn a_forbidden_address_beside_a_good_one_is_left_out() {
        let good = SocketAddr::from(([10, 0, 0, 7], 2379));
        let bad = SocketAddr::from(([169, 254, 169, 254], 2379));
        assert_eq!(
            DialPolicy::default()
                .permitted("etcd.example", [bad, good])
                .unwrap(),
            [good]
        );
    }

    #[test]
    fn a_name_without_addresses_is_not_called_refused() {
        assert!(matches!(
            DialPolicy::default().permitted("etcd.example", []),
            Err(DialError::NoAddress { .. })
        ));
    }

    #[tokio::test]
    async fn localhost_is_refused_before_it_is_looked_up_and_allowed_where_loopback_is() {
        let refused = DialPolicy::default().resolve("LOCALHOST.", 80).await.unwrap_err();
        assert_eq!(refused.reason(), "EndpointRefused");
        assert!(!refused.is_transient());
        let open = DialPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], [""; 0]);
        for address in open.resolve("localhost", 80).await.unwrap() {
            assert!(
                address.ip().is_loopback() && address.is_ipv4(),
                "{address} is outside the allowed range"
            );
        }
    }

    #[tokio::test]
    async fn connect_reaches_a_listener_by_address_and_names_the_address_that_refused() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let policy = DialPolicy::allow_all();
        policy
            .connect("127.0.0.1", port, Duration::from_secs(5))
            .await
            .unwrap();
        drop(listener);
        let error = policy
            .connect("127.0.0.1", port, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert!(error.is_transient());
        assert!(
            error.to_string().contains(&format!("127.0.0.1:{port}")),
            "{error}"
        );
    }
}
