//! Finding a member that gives its snapshot.

use std::sync::Arc;

use etcd_backup_etcd::{Choice, ChoosePolicy, Cluster, Config, EtcdError, SnapshotStream, choose};

use crate::exit::Failure;

/// The search for a member, across several tries.
#[derive(Debug)]
pub(super) struct Quest {
    cluster: Arc<Cluster>,
    policy: ChoosePolicy,
}

/// A member that gives its snapshot.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) choice: Choice,
    /// What the snapshot must hold: the revision that a majority had confirmed before it was asked for. A degraded one need not hold anything.
    pub(super) minimum: i64,
    pub(super) stream: SnapshotStream,
}

impl Quest {
    /// Must be called on a runtime.
    pub(super) fn new(config: Config, policy: ChoosePolicy) -> Result<Self, Failure> {
        Ok(Self {
            cluster: Arc::new(Cluster::new(config)?),
            policy,
        })
    }

    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// The snapshot of the best member, or of the next one if that one does not give it.
    pub(super) async fn open(&mut self) -> Result<Opened, Failure> {
        let mut last = None;
        loop {
            let choice = choose(&self.cluster.survey().await, &self.policy)?;
            if self.policy.avoid.contains(&choice.endpoint)
                && let Some(error) = last
            {
                return Err(Failure::from(error));
            }
            let endpoint = choice.endpoint.clone();
            match self.open_at(choice).await {
                Ok(opened) => return Ok(opened),
                Err(error) if error.is_transient() => {
                    self.avoid(&endpoint);
                    last = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// This member failed: the next one, if there is one. `false` if it had failed before.
    pub(super) fn avoid(&mut self, endpoint: &str) -> bool {
        self.policy.avoid.insert(endpoint.to_owned())
    }

    async fn open_at(&self, choice: Choice) -> Result<Opened, EtcdError> {
        let (choice, minimum) = if choice.degraded {
            (choice, 0)
        } else {
            match self.cluster.linearizable_revision(&choice.endpoint).await {
                Ok(revision) => (choice, revision),
                Err(EtcdError::NoQuorum { .. }) if self.policy.allow_degraded => (choice.without_quorum(), 0),
                Err(error) => return Err(error),
            }
        };
        let stream = self.cluster.snapshot(&choice.endpoint).await?;
        Ok(Opened {
            choice,
            minimum,
            stream,
        })
    }
}
