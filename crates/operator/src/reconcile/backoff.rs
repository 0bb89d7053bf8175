//! How long an object that failed is left alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);

/// At most.
const LONGEST: Duration = Duration::from_mins(5);

/// Counts failures in a row, for each object.
#[derive(Debug, Default)]
pub struct Backoffs {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoffs {
    /// `key` failed again. How long to wait: doubling, and up to half as much again by the key, so that objects
    /// that failed together do not come back together.
    pub fn failed(&self, key: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures
            .entry(key.to_owned())
            .and_modify(|count| *count += 1)
            .or_insert(1);
        let doubled = FIRST.saturating_mul(1 << (*count - 1).min(16)).min(LONGEST);
        let digest = Sha256::digest(format!("{key}/{count}"));
        doubled + doubled.mul_f64(f64::from(digest[0]) / 512.0)
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
    use super::*;

    #[test]
    fn waits_grow_for_each_object_alone_and_end_with_a_success() {
        let backoffs = Backoffs::default();
        let first = backoffs.failed("a");
        assert!(first >= FIRST && first < FIRST * 2);
        assert!(backoffs.failed("a") >= FIRST * 2);
        assert!(backoffs.failed("b") < FIRST * 2);
        for _ in 0..100 {
            assert!(backoffs.failed("a") <= LONGEST * 3 / 2);
        }
        backoffs.succeeded("a");
        assert_eq!(backoffs.failed("a"), first);
    }
}
