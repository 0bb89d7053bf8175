//! When something last moved.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, sleep_until};

use super::{Allowances, Stalled};

#[derive(Debug)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    last: Instant,
    sent_everything: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            last: Instant::now(),
            sent_everything: false,
        }))
    }

    pub(super) fn moved(&self) {
        self.state().last = Instant::now();
    }

    pub(super) fn sent_everything(&self) {
        let mut state = self.state();
        state.last = Instant::now();
        state.sent_everything = true;
    }

    /// Ends when nothing has moved for as long as is allowed.
    pub(super) async fn stalled(&self, allowed: Allowances) -> Stalled {
        loop {
            let before = *self.state();
            let after = if before.sent_everything {
                allowed.waiting
            } else {
                allowed.sending
            };
            sleep_until(before.last + after).await;
            if self.state().last == before.last {
                return Stalled { after };
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const ALLOWED: Allowances = Allowances {
        sending: Duration::from_secs(10),
        waiting: Duration::from_mins(5),
    };

    #[tokio::test(start_paused = true)]
    async fn what_moves_slowly_lives_and_what_stands_still_dies() {
        let progress = Progress::new();
        let moving = async {
            for _ in 0..1_000 {
                sleep(9 * SECOND).await;
                progress.moved();
            }
        };
        tokio::select! {
            () = moving => {}
            _ = progress.stalled(ALLOWED) => panic!("it was moving"),
        }
        let stalled = timeout(11 * SECOND, progress.stalled(ALLOWED)).await;
        assert_eq!(stalled.unwrap().after, 10 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_has_everything_may_think_for_longer() {
        let progress = Progress::new();
        progress.sent_everything();
        let early = timeout(299 * SECOND, progress.stalled(ALLOWED)).await;
        assert!(early.is_err());
        let stalled = progress.stalled(ALLOWED).await;
        assert_eq!(stalled.after, 300 * SECOND);
    }
}
