//! How long an object that failed is left alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// At most.
const LONGEST: Duration = Duration::from_mins(5);

/// Counts failures in a row, for each object.
#[derive(Debug, Default)]
pub struct Backoffs {
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    /// When the last pause ends.
    until: Instant,
}

impl Backoffs {
    /// `key` failed again. How long to wait: doubling, and up to half as much again by the key, so that objects
    /// that failed together do not come back together.
    ///
    /// Whoever was woken during a pause and failed goes on waiting. A busy object would else come to the longest pause
    /// within seconds, and stand still for minutes after what was wrong is put right.
    pub fn failed(&self, key: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let count = match failures.get(key) {
            Some(last) if now < last.until => return last.until - now,
            Some(last) => last.count.saturating_add(1),
            None => 1,
        };
        let doubled = FIRST.saturating_mul(1 << (count - 1).min(16)).min(LONGEST);
        let digest = Sha256::digest(format!("{key}/{count}"));
        let pause = doubled + doubled.mul_f64(f64::from(digest[0]) / 512.0);
        let until = now + pause;
        failures.insert(key.to_owned(), Failures { count, until });
        pause
    }

    /// `key` succeeded.
    pub fn succeeded(&self, key: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// Fails when the last pause is over.
    async fn failed_in_time(backoffs: &Backoffs, key: &str) -> Duration {
        let pause = backoffs.failed(key);
        advance(pause).await;
        pause
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_for_each_object_alone_and_end_with_a_success() {
        let backoffs = Backoffs::default();
        let first = failed_in_time(&backoffs, "a").await;
        assert!(first >= FIRST && first < FIRST * 2);
        assert!(failed_in_time(&backoffs, "a").await >= FIRST * 2);
        assert!(failed_in_time(&backoffs, "b").await < FIRST * 2);
        for _ in 0..100 {
            assert!(failed_in_time(&backoffs, "a").await <= LONGEST * 3 / 2);
        }
        backoffs.succeeded("a");
        assert_eq!(backoffs.failed("a"), first);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_woken_during_a_pause_and_fails_waits_no_longer_for_it() {
        let backoffs = Backoffs::default();
        let first = backoffs.failed("a");
        let rest = first.saturating_sub(first / 4);
        advance(first / 4).await;
        for _ in 0..100 {
            assert_eq!(backoffs.failed("a"), rest);
        }
        advance(rest).await;
        assert!(
            backoffs.failed("a") < FIRST * 4,
            "it counts as the second failure"
        );
    }
}
