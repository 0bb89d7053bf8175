//! Trying again.
//!
//! The SDK's own retries are off: only here is it known whether an earlier attempt may have been applied,
//! which is what decides between "somebody else was first" and "that was me".

use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use crate::StoreError;

/// The longest a server may ask us to wait before we give the call up and let the caller decide.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often and how patiently to try again what failed for no lasting reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all. Default 8, which spans about half a minute.
    pub attempts: u32,
    /// Before the second attempt wait up to this long, then up to twice as long, and so on. Default 250 ms.
    pub base: Duration,
    /// But never longer than this. Default 20 s.
    pub cap: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 8,
            base: Duration::from_millis(250),
            cap: Duration::from_secs(20),
        }
    }
}

impl Retry {
    /// How long to wait after the `failed`-th failure in a row (from 1); none to give up.
    pub(super) fn pause(&self, failed: u32, error: &StoreError) -> Option<Duration> {
        if failed >= self.attempts || !error.is_transient() {
            return None;
        }
        let asked = match error {
            StoreError::Throttled { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if asked > LONGEST_RETRY_AFTER {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << (failed - 1).min(16)).min(self.cap);
        // Full jitter, so that many uploads throttled at once do not come back at once; upon what was
        // asked for, never below it.
        Some(asked + ceiling.mul_f64(fraction()))
    }

    /// Runs `attempt` until it succeeds, fails for good, or enough is enough.
    pub(super) async fn run<T, F, A>(&self, mut attempt: A) -> Result<T, StoreError>
    where
        A: FnMut() -> F,
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut failed = 0;
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            failed += 1;
            let Some(pause) = self.pause(failed, &error) else {
                return Err(error);
            };
            tracing::debug!(%error, failed, ?pause, "trying again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// A number from 0 to 1. Spread is all that is needed, and the standard library's hash seeds are spread.
fn fraction() -> f64 {
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    f64::from(random as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;
    use crate::{Context, Operation};

    fn throttled(seconds: u64) -> StoreError {
        StoreError::Throttled {
            at: Context::new(Operation::Put).boxed(),
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    fn unavailable() -> StoreError {
        StoreError::Unavailable {
            at: Context::new(Operation::Put).boxed(),
            source: Cause::new("test"),
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited_at_least() {
        let retry = Retry::default();
        for _ in 0..50 {
            let pause = retry.pause(1, &throttled(7)).unwrap();
            assert!(pause >= Duration::from_secs(7) && pause <= Duration::from_millis(7_250));
        }
        assert_eq!(retry.pause(1, &throttled(61)), None);
    }

    #[test]
    fn pauses_grow_to_the_cap_and_end() {
        let retry = Retry::default();
        for failed in 1..8 {
            let most = Duration::from_millis(250 << (failed - 1)).min(retry.cap);
            assert!(retry.pause(failed, &unavailable()).unwrap() <= most);
        }
        assert_eq!(retry.pause(8, &unavailable()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_failure_is_tried_once_and_a_passing_one_as_often_as_allowed() {
        let tries = std::cell::Cell::new(0);
        let denied = Retry::default()
            .run(|| async {
                tries.set(tries.get() + 1);
                Err::<(), _>(StoreError::PermissionDenied {
                    at: Context::new(Operation::Put).boxed(),
                    permission: None,
                })
            })
            .await;
        assert_eq!(
            (denied.unwrap_err().reason(), tries.get()),
            ("PermissionDenied", 1)
        );

        tries.set(0);
        let down = Retry::default()
            .run(|| async {
                tries.set(tries.get() + 1);
                Err::<(), _>(unavailable())
            })
            .await;
        assert_eq!((down.unwrap_err().reason(), tries.get()), ("StoreUnavailable", 8));
    }
}
