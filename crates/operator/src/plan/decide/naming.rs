//! Names of EtcdSnapshots. The name is the key of idempotency: the same reason gives the same name.
//!
//! A plan's name has at most 47 characters (a rule of the CRD), so that every name here is a valid label too.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::view::Backup;

/// For a slot of the schedule: `<plan>-20261123t0600z`.
pub(super) fn for_slot(plan: &str, slot: DateTime<Utc>) -> String {
    format!("{plan}-{}", slot.format("%Y%m%dt%H%Mz"))
}

/// For a value of the annotation run-now: `<plan>-now-<10 hex>`. The value itself may be anything.
pub(super) fn for_token(plan: &str, token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    let number = digest
        .iter()
        .take(5)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{plan}-now-{number:010x}")
}

/// For a backup that was found in the store, best first: as its slot would have been called, else by the random
/// part of its run.
pub(super) fn for_found(plan: &str, backup: &Backup) -> Vec<String> {
    let random = backup
        .run_id
        .rsplit('-')
        .next()
        .unwrap_or(&backup.run_id)
        .to_ascii_lowercase();
    let by_slot = backup.slot.map(|slot| for_slot(plan, slot));
    by_slot.into_iter().chain([format!("{plan}-{random}")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_plan_name_still_gives_labels() {
        let plan = "p".repeat(47);
        let slot = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(for_slot(&plan, slot).len(), 62);
        assert_eq!(for_token(&plan, "anything at all \n").len(), 62);
    }

    #[test]
    fn the_same_token_gives_the_same_name_and_another_another() {
        assert_eq!(for_token("prod", "a"), for_token("prod", "a"));
        assert_ne!(for_token("prod", "a"), for_token("prod", "b"));
    }
}
