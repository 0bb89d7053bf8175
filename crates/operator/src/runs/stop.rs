//! Telling a run to stop.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use super::request::{RunFailure, RunRequest};

/// Why a run was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nobody wants it any more.
    Cancelled,
    /// It took longer than its deadline.
    Deadline,
    /// This process ends.
    ShuttingDown,
    /// This process could not renew its lease in time, and another may lead.
    LeadershipLost,
}

impl Stop {
    /// The failure of a run that was told to stop.
    pub(super) fn failure(self, request: &RunRequest) -> RunFailure {
        match self {
            Self::Cancelled => RunFailure::lasting("Cancelled", "the run was cancelled"),
            Self::Deadline => RunFailure::transient(
                "DeadlineExceeded",
                format!(
                    "the run took longer than its timeout of {}s",
                    request.deadline.as_secs()
                ),
            ),
            Self::ShuttingDown => {
                RunFailure::transient("Interrupted", "the operator was shut down during the run")
            }
            Self::LeadershipLost => leadership_lost(),
        }
    }
}

/// The failure of a run whose operator may not lead any more. Whether another one does it cannot know: it may lead again itself.
pub(super) fn leadership_lost() -> RunFailure {
    RunFailure::transient(
        "LeadershipLost",
        "this operator lost the lead during the run: it could not renew its Lease in time (the API server, or this process, was too \
         slow), or another one took over",
    )
}

/// The order to stop, which a run may be given at any time.
#[derive(Debug, Default)]
pub(super) struct Order {
    cancel: CancellationToken,
    why: OnceLock<Stop>,
}

impl Order {
    /// Gives it. Of several reasons the first is the true one.
    pub(super) fn give(&self, why: Stop) {
        self.why.get_or_init(|| why);
        self.cancel.cancel();
    }

    /// Why it was given, if it was.
    pub(super) fn given(&self) -> Option<Stop> {
        self.why.get().copied()
    }

    /// Is cancelled when it is given.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.cancel
    }
}
