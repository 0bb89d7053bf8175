//! The members of one cluster.

mod hash;

use etcd_client::{GetOptions, StatusResponse};
use futures::future::join_all;
pub use hash::{HASHED_UP_TO, HashKv};

use crate::{
    Alarm, Config, EtcdError, Member, MemberStatus, Probe, SnapshotStream, Survey, Timeouts, connect::Link,
    snapshot, text,
};

/// More than any cluster has members; the custom resource allows 16.
const MAX_ENDPOINTS: usize = 64;

/// What etcd answers when an election interrupts a read (api/v3rpc/rpctypes/error.go, ErrLeaderChanged), and how often it is then asked again:
/// the next leader is there already.
const LEADER_CHANGED: &str = "etcdserver: leader changed";
const READS: u32 = 3;

/// Connections to the members of a cluster, one each. Make a new one for each run and drop it afterwards: certificates, passwords and names are
/// then always the current ones.
#[derive(Debug)]
pub struct Cluster {
    links: Vec<Link>,
    timeouts: Timeouts,
}
impl Cluster {
    /// Checks the configuration: endpoints by the policy, certificates by reading them. Connections are made when first needed, and again after
    /// they broke.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the passwords and keys in it shall end with what is made of them"
    )]
    pub fn new(config: Config) -> Result<Self, EtcdError> {
        let invalid = |what: &str| EtcdError::InvalidConfig {
            what: what.to_owned(),
        };
        if config.endpoints.is_empty() {
            return Err(invalid(
                "no endpoint is given: name the client URL of at least one member",
            ));
        }
        if config.endpoints.len() > MAX_ENDPOINTS {
            return Err(invalid("more than 64 endpoints are given"));
        }
        let mut links: Vec<Link> = Vec::with_capacity(config.endpoints.len());
        for (position, endpoint) in config.endpoints.iter().enumerate() {
            if links.iter().all(|link| link.endpoint() != endpoint) {
                links.push(Link::new(endpoint, position + 1, &config)?);
            }
        }
        Ok(Self {
            links,
            timeouts: config.timeouts,
        })
    }

    /// Asks every endpoint for its status, and for the member list, all at once. Never fails as a whole, and takes no longer than one request
    /// (signing in, then asking) may.
    pub async fn survey(&self) -> Survey {
        let (probes, lists): (Vec<_>, Vec<_>) =
            join_all(self.links.iter().map(ask)).await.into_iter().unzip();
        Survey {
            probes,
            members: lists.into_iter().flatten().next().unwrap_or_default(),
        }
    }

    /// The cluster's revision, confirmed by a majority, as this member sees it: when this returns, the member has applied everything up to it, so
    /// a snapshot taken from the same member afterwards contains it.
    ///
    /// # Errors
    /// [`EtcdError::NoQuorum`] without a majority, [`EtcdError::Timeout`] when etcd does not even say so.
    pub async fn linearizable_revision(&self, endpoint: &str) -> Result<i64, EtcdError> {
        let link = self.link(endpoint)?;
        let mut tries = 0;
        let read = loop {
            tries += 1;
            let read = link.request("a linearizable read", async |client| {
                // Any key will do; counting reads no value.
                let count = GetOptions::new().with_count_only();
                client.kv_client().get("\0", Some(count)).await
            });
            match read.await {
                Err(EtcdError::Server { detail, .. }) if detail == LEADER_CHANGED && tries < READS => {}
                answer => break answer?,
            }
        };
        Ok(read.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    /// Opens the snapshot of this member. Returns once its first bytes are there, so that size and version are known and a refusal is an error
    /// here.
    pub async fn snapshot(&self, endpoint: &str) -> Result<SnapshotStream, EtcdError> {
        snapshot::open(self.link(endpoint)?, self.timeouts).await
    }

    /// The endpoints, each once, in the order of the configuration.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(Link::endpoint)
    }

    fn link(&self, endpoint: &str) -> Result<&Link, EtcdError> {
        self.links
            .iter()
            .find(|link| link.endpoint() == endpoint)
            .ok_or_else(|| EtcdError::UnknownEndpoint {
                endpoint: text::shown(endpoint),
            })
    }
}

/// Status and member list of one endpoint.
async fn ask(link: &Link) -> (Probe, Option<Vec<Member>>) {
    let status = link
        .request("the status", async |client| {
            client.maintenance_client().status().await
        })
        .await
        .map(|answer| status(&answer));
    let list = match &status {
        // A learner does not answer, and one that is dead shall not be waited for twice.
        Ok(status) if !status.is_learner => link
            .request("the member list", async |client| {
                client.cluster_client().member_list().await
            })
            .await
            .inspect_err(|error| tracing::debug!(%error, "no member list"))
            .ok(),
        _ => None,
    };
    let list = list.map(|answer| {
        let members = answer.members().iter();
        members
            .map(|m| Member {
                id: m.id(),
                name: m.name().to_owned(),
                is_learner: m.is_learner(),
            })
            .collect()
    });
    let endpoint = link.endpoint().to_owned();
    (Probe { endpoint, status }, list)
}

fn status(answer: &StatusResponse) -> MemberStatus {
    let header = answer.header();
    MemberStatus {
        cluster_id: header.map_or(0, etcd_client::ResponseHeader::cluster_id),
        member_id: header.map_or(0, etcd_client::ResponseHeader::member_id),
        revision: header.map_or(0, etcd_client::ResponseHeader::revision),
        version: text::shown(answer.version()),
        storage_version: Some(text::shown(answer.storage_version())).filter(|v| !v.is_empty()),
        leader: answer.leader(),
        is_learner: answer.is_learner(),
        raft_index: answer.raft_index(),
        raft_term: answer.raft_term(),
        raft_applied_index: answer.raft_applied_index(),
        db_size: answer.db_size(),
        db_size_in_use: answer.raft_used_db_size(),
        alarms: Alarm::from_errors(answer.errors().iter().map(String::as_str)),
    }
}
