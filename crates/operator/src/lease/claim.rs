//! What this process may believe about its own leadership, and for how long.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The leader's work was asked of a process that does not lead (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this process does not hold the leader lease")]
pub struct NotLeader;

/// The claim as the elector last published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Somebody else leads, or nobody.
    None,
    /// We lead until `fence`, if nothing renews it.
    Until { term: u64, fence: Instant },
    /// Election is turned off: this process is alone by decree.
    Always,
}

impl Claim {
    /// The term that is valid at `now`.
    fn term_at(self, now: Instant) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Until { term, fence } => (now < fence).then_some(term),
            Self::Always => Some(0),
        }
    }
}

/// Handle on the leadership of this process. Cheap to clone.
///
/// Every answer is computed against the monotonic clock at the moment of asking, so a process that was paused
/// (SIGSTOP, a swapped-out node) learns that its lease ran out before it acts, even if the elector's task has
/// not run yet.
#[derive(Debug, Clone)]
pub struct Leadership {
    claim: watch::Receiver<Claim>,
    // Keeps `always()`'s channel open; an elector owns the sender otherwise.
    _keep: Option<Arc<watch::Sender<Claim>>>,
}

impl Leadership {
    pub(super) const fn new(claim: watch::Receiver<Claim>) -> Self {
        Self { claim, _keep: None }
    }

    /// Leadership without an election, for `--leader-elect=false`: the administrator vouches that no second
    /// operator runs.
    pub fn always() -> Self {
        let (sender, claim) = watch::channel(Claim::Always);
        Self {
            claim,
            _keep: Some(Arc::new(sender)),
        }
    }

    /// Whether this process leads now.
    pub fn is_leader(&self) -> bool {
        self.fence().is_ok()
    }

    /// To be asked before every visible side effect.
    pub fn fence(&self) -> Result<(), NotLeader> {
        self.tenure().map(drop)
    }

    /// The present term of office. Work that takes long holds on to it: when leadership was lost and won again
    /// in between, the old term's fence stays shut, because another leader may have done the same work.
    pub fn tenure(&self) -> Result<Tenure, NotLeader> {
        let term = self.claim.borrow().term_at(Instant::now()).ok_or(NotLeader)?;
        Ok(Tenure {
            leadership: self.clone(),
            term,
        })
    }

    /// Resolves when this process leads. Never, if the elector has ended.
    pub async fn wait_until_leader(&self) {
        let mut claim = self.claim.clone();
        loop {
            if claim.borrow_and_update().term_at(Instant::now()).is_some() {
                return;
            }
            if claim.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Resolves when this process does not lead: at once when it never did, else at the latest when the fence
    /// runs out on the monotonic clock.
    pub async fn lost(&self) {
        if let Ok(tenure) = self.tenure() {
            tenure.lost().await;
        }
    }
}

/// One unbroken term of leadership.
#[derive(Debug, Clone)]
pub struct Tenure {
    leadership: Leadership,
    term: u64,
}

impl Tenure {
    /// To be asked before every visible side effect of work that began in this term.
    pub fn fence(&self) -> Result<(), NotLeader> {
        let current = self.leadership.claim.borrow().term_at(Instant::now());
        if current == Some(self.term) {
            Ok(())
        } else {
            Err(NotLeader)
        }
    }

    /// Resolves when this term is over.
    pub async fn lost(&self) {
        let mut claim = self.leadership.claim.clone();
        loop {
            let current = *claim.borrow_and_update();
            let fence = match current {
                Claim::Until { term, fence } if term == self.term && Instant::now() < fence => Some(fence),
                Claim::Always => None,
                Claim::Until { .. } | Claim::None => return,
            };
            tokio::select! {
                changed = claim.changed() => if changed.is_err() {
                    // The elector is gone; what it last granted still runs out in time.
                    if let Some(fence) = fence { sleep_until(fence).await; } else { std::future::pending::<()>().await; }
                },
                () = async { match fence { Some(fence) => sleep_until(fence).await, None => std::future::pending().await } } => {}
            }
        }
    }
}
