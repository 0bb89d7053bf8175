//! What is known of one plan.

use std::collections::BTreeMap;

/// What is known of one plan, in the units of the metrics: seconds, bytes, Unix time. 0 stands for "never" or "none".
#[derive(Debug, Clone, Default)]
pub(super) struct PlanState {
    pub(super) last_success: f64,
    pub(super) last_size: f64,
    pub(super) last_revision: f64,
    pub(super) last_run: f64,
    pub(super) last_run_duration: f64,
    pub(super) last_run_success: f64,
    pub(super) next_run: f64,
    pub(super) expected_interval: f64,
    pub(super) fresh: f64,
    pub(super) accepted: f64,
    pub(super) snapshots: f64,
    pub(super) stored: f64,
    pub(super) retention_kept: f64,
    pub(super) retention_refused: f64,
    pub(super) retention_deleted: u64,
    pub(super) runs: BTreeMap<(&'static str, String), u64>,
    /// Of a plan whose snapshots are restored in drills.
    pub(super) drills: Option<DrillState>,
}

/// What is known of one plan's drills, in the units of the metrics.
#[derive(Debug, Clone, Default)]
pub(super) struct DrillState {
    pub(super) last_restorable: f64,
    pub(super) last: f64,
    pub(super) restorable: f64,
    pub(super) expected_interval: f64,
    pub(super) ended: BTreeMap<(&'static str, String), u64>,
}

impl DrillState {
    pub(super) fn fresh() -> Self {
        Self {
            ended: outcomes(),
            ..Self::default()
        }
    }
}

/// Present from the start: a rate over a series that appears with its first failure misses that failure.
pub(super) fn outcomes() -> BTreeMap<(&'static str, String), u64> {
    BTreeMap::from([
        (("Succeeded", String::new()), 0),
        (("Failed", "Internal".to_owned()), 0),
    ])
}

/// How something ended, as labels: the result, and the reason of a failure.
pub(super) fn outcome(failure: Option<&str>) -> (&'static str, String) {
    match failure {
        None => ("Succeeded", String::new()),
        Some(reason) => ("Failed", bounded(reason)),
    }
}

/// A label value from a reason: reasons are CamelCase words of ours, and nothing else may become a series.
pub(super) fn bounded(reason: &str) -> String {
    let word: String = reason
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(48)
        .collect();
    if word.is_empty() {
        "Unknown".to_owned()
    } else {
        word
    }
}
