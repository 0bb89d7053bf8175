use chrono::TimeDelta;
use sha2::{Digest, Sha256};

/// How long after its slots a plan runs: the same for a plan for ever, spread evenly over `0..=max` between plans, in whole
/// seconds. It derives from the plan's UID, so a plan that is created again is shifted anew, and no state is kept.
///
/// Zero for a `max` below a second.
pub fn jitter(uid: &str, max: TimeDelta) -> TimeDelta {
    let seconds = u64::try_from(max.num_seconds()).unwrap_or(0);
    let digest: [u8; 32] = Sha256::digest(uid.as_bytes()).into();
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let spread = number % (seconds + 1);
    i64::try_from(spread)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .unwrap_or_default()
}
