//! Names to addresses, each checked before it is dialled.
//!
//! The HTTP client asks this resolver at each new connection and dials what it answers, so nothing is
//! resolved again between the check and the connection. Addresses written as such never reach a resolver;
//! [`Endpoint`] has checked them, and no request goes anywhere else: redirects are not followed.

use std::net::IpAddr;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use etcd_backup_dial::DialPolicy;

use super::endpoint::Endpoint;

#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub(super) policy: DialPolicy,
    pub(super) endpoint: Endpoint,
}

impl Resolver {
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveDnsError> {
        if self.endpoint.covers(name) {
            let resolved = self.policy.resolve(name, self.endpoint.port).await;
            let addresses = resolved.map_err(ResolveDnsError::new)?;
            return Ok(addresses.into_iter().map(|address| address.ip()).collect());
        }
        // A proxy out of the process's environment, which is the administrator's.
        let resolved = tokio::net::lookup_host((name, 0)).await;
        let addresses = resolved.map_err(ResolveDnsError::new)?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

impl ResolveDns for Resolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(self.addresses(name))
    }
}
