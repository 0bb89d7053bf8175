//! Who leads.

use std::sync::Arc;

use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::Clock;
use crate::lease::{Elector, Leadership, LeaseSettings};
use crate::settings::Settings;

/// Takes part in the election, or leads by decree.
pub(super) fn elect(
    client: &Client,
    settings: &Settings,
    identity: &str,
    clock: &Clock,
    release: &CancellationToken,
) -> (Leadership, Option<JoinHandle<()>>) {
    let Some(namespace) = settings
        .leader_elect_namespace
        .clone()
        .filter(|_| settings.leader_elect)
    else {
        return (Leadership::always(), None);
    };
    let lease = LeaseSettings {
        namespace,
        name: settings.leader_elect_lease_name.clone(),
        identity: identity.to_owned(),
        duration: settings.lease_duration,
        renew_deadline: settings.lease_renew_deadline,
        retry_period: settings.lease_retry_period,
    };
    let (elector, leadership) = Elector::new(client.clone(), lease, Arc::clone(clock));
    (leadership, Some(tokio::spawn(elector.run(release.clone()))))
}
