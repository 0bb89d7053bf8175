//! The task that competes for the Lease and keeps it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::ApiResource;
use kube::{Client, Error as KubeError};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::claim::{Claim, Leadership};
use super::observation::{Observation, Step};
use super::record::Record;
use super::settings::{LeaseSettings, random};
use super::trouble::{LeaseError, Trouble};

/// Competes for the Lease until told to stop.
pub struct Elector {
    api: Api<DynamicObject>,
    resource: ApiResource,
    settings: LeaseSettings,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    claim: watch::Sender<Claim>,
    observation: Observation,
    /// The object as the API server last confirmed it with us as the holder.
    held: Option<Record>,
    terms: u64,
    trouble: Trouble,
}

impl std::fmt::Debug for Elector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elector")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What came of one attempt.
enum Attempt {
    /// The API server confirmed us as the holder; the request left at this instant.
    Held(Instant),
    /// Somebody else may hold it, or was faster.
    Other,
}

impl Elector {
    /// An elector, not yet running, and the handle on what it will find. `clock` is used for the times that
    /// people read in the Lease, never for a decision.
    pub fn new(
        client: Client,
        settings: LeaseSettings,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> (Self, Leadership) {
        let resource = ApiResource::erase::<Lease>(&());
        let (claim, watched) = watch::channel(Claim::None);
        let elector = Self {
            api: Api::namespaced_with(client, &settings.namespace, &resource),
            resource,
            observation: Observation::new(settings.duration),
            settings,
            clock,
            claim,
            held: None,
            terms: 0,
            trouble: Trouble::default(),
        };
        (elector, Leadership::new(watched))
    }

    /// Competes until `shutdown`, then gives the Lease back so that the next one need not wait. End the leader's
    /// work before cancelling `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let outcome = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                outcome = self.attempt() => outcome,
            };
            self.publish(&outcome);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = sleep(self.pause()) => {}
            }
        }
        self.release().await;
    }

    /// The retry period and up to a fifth more, so that contenders do not march in step.
    fn pause(&self) -> Duration {
        let fifth = self.settings.retry_period / 5;
        let spread = u32::try_from(random() % 1024).unwrap_or(0);
        self.settings.retry_period + fifth * spread / 1024
    }

    /// One request may take half of the time that the claim lives: a lost answer leaves room for a second try.
    fn request_timeout(&self) -> Duration {
        self.settings.renew_deadline / 2
    }

    async fn attempt(&mut self) -> Result<Attempt, LeaseError> {
        if let Some(held) = self.held.take() {
            // The usual case, one request: nobody touched the Lease since our last renewal.
            match self.write(&held).await {
                Ok(sent) => return Ok(Attempt::Held(sent)),
                Err(LeaseError::Update(KubeError::Api(status))) if status.is_not_found() => {
                    if self.claim_lives() {
                        info!("the leader lease was deleted; creating it again");
                        return self.create(held.recreated()).await;
                    }
                    // While our claim was dead somebody may have led whom we never saw.
                    self.observation.distrust(Instant::now());
                }
                Err(LeaseError::Update(KubeError::Api(status))) if status.is_conflict() => {}
                Err(error) => {
                    // Perhaps applied, perhaps not: if it was, the next try conflicts and reads.
                    self.held = Some(held);
                    return Err(error);
                }
            }
        }
        let record = self.read().await?;
        match self
            .observation
            .judge(record.as_ref(), &self.settings.identity, Instant::now())
        {
            Step::Wait => Ok(Attempt::Other),
            Step::Create => {
                self.create(Record::absent(&self.settings.name, &self.resource))
                    .await
            }
            Step::Renew | Step::Take => {
                let Some(record) = record else {
                    return Ok(Attempt::Other);
                };
                match self.write(&record).await {
                    Ok(sent) => Ok(Attempt::Held(sent)),
                    Err(LeaseError::Update(KubeError::Api(status)))
                        if status.is_conflict() || status.is_not_found() =>
                    {
                        debug!("somebody else changed the leader lease first");
                        Ok(Attempt::Other)
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    fn claim_lives(&self) -> bool {
        matches!(*self.claim.borrow(), Claim::Until { fence, .. } if Instant::now() < fence)
    }

    async fn read(&self) -> Result<Option<Record>, LeaseError> {
        let request = self.api.get_opt(&self.settings.name);
        let object = timeout(self.request_timeout(), request)
            .await
            .map_err(|_| LeaseError::Timeout)?;
        Ok(object.map_err(LeaseError::Get)?.map(Record))
    }

    async fn create(&mut self, record: Record) -> Result<Attempt, LeaseError> {
        let wanted = self.ours(&record);
        let sent = Instant::now();
        let parameters = PostParams::default();
        let request = self.api.create(&parameters, &wanted.0);
        match timeout(self.request_timeout(), request)
            .await
            .map_err(|_| LeaseError::Timeout)?
        {
            Ok(object) => {
                self.held = Some(Record(object));
                Ok(Attempt::Held(sent))
            }
            Err(KubeError::Api(status)) if status.is_already_exists() || status.is_conflict() => {
                Ok(Attempt::Other)
            }
            Err(error) => Err(LeaseError::Create(error)),
        }
    }

    /// Puts us into `base` and remembers the confirmed object. Answers when the request left: what the claim's
    /// life is counted from.
    async fn write(&mut self, base: &Record) -> Result<Instant, LeaseError> {
        let wanted = self.ours(base);
        let sent = Instant::now();
        self.held = Some(Record(self.replace(&wanted).await?));
        Ok(sent)
    }

    async fn replace(&self, wanted: &Record) -> Result<DynamicObject, LeaseError> {
        let parameters = PostParams::default();
        let request = self.api.replace(&self.settings.name, &parameters, &wanted.0);
        timeout(self.request_timeout(), request)
            .await
            .map_err(|_| LeaseError::Timeout)?
            .map_err(LeaseError::Update)
    }

    fn ours(&self, base: &Record) -> Record {
        base.held_by(&self.settings.identity, self.settings.duration, (self.clock)())
    }

    /// Turns an outcome into what this process may believe.
    fn publish(&mut self, outcome: &Result<Attempt, LeaseError>) {
        let current = *self.claim.borrow();
        let now = Instant::now();
        self.trouble.tell(outcome.as_ref().err());
        match outcome {
            Ok(Attempt::Held(sent)) => {
                let term = match current {
                    Claim::Until { term, fence } if now < fence => term,
                    _ => self.next_term(),
                };
                self.claim.send_replace(Claim::Until {
                    term,
                    fence: *sent + self.settings.renew_deadline,
                });
            }
            Ok(Attempt::Other) => self.step_down(current, "somebody else holds the leader lease"),
            Err(_) => {
                if let Claim::Until { fence, .. } = current
                    && now >= fence
                {
                    self.step_down(current, "the leader lease could not be renewed in time");
                }
            }
        }
    }

    fn next_term(&mut self) -> u64 {
        self.terms += 1;
        info!(identity = self.settings.identity, "this process is the leader");
        self.terms
    }

    fn step_down(&self, current: Claim, why: &str) {
        if current != Claim::None {
            warn!(
                identity = self.settings.identity,
                "this process is no longer the leader: {why}"
            );
            self.claim.send_replace(Claim::None);
        }
    }

    /// Gives the Lease back. Best effort: when it fails, others wait for its duration.
    async fn release(mut self) {
        self.claim.send_replace(Claim::None);
        // The second round is for a renewal whose answer was lost: the object is ours, only newer.
        for _ in 0..2 {
            let base = match self.held.take() {
                Some(held) => Some(held),
                None => self.read().await.ok().flatten(),
            };
            let Some(base) = base.filter(|base| base.holder() == Some(self.settings.identity.as_str()))
            else {
                return;
            };
            match self.replace(&base.released((self.clock)())).await {
                Ok(_) => {
                    info!("gave the leader lease back");
                    return;
                }
                Err(error) => debug!(%error, "releasing the leader lease"),
            }
        }
    }
}
