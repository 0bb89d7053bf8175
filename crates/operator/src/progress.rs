//! Progress as statuses show it: in steps, so that bytes alone are no reason to write.

use etcd_backup_api::RestoreProgress;

use crate::agent::Said;

/// The status shows progress in steps of this part of the whole: what is shown costs a bounded number of writes, however long
/// it takes.
const STEPS: u64 = 20;

/// The smallest step of progress that is worth a write.
const SMALLEST_STEP: u64 = 16 << 20;

/// The step that `bytes` of `total` have reached.
pub(crate) fn step_of(bytes: u64, total: Option<u64>) -> u64 {
    let step = (total.unwrap_or(0) / STEPS).max(SMALLEST_STEP);
    bytes / step * step
}

/// What an agent said of a restore, as the status shows it. `None` for nothing, and for what is said of no restore.
pub(crate) fn shown(said: Option<Said>) -> Option<RestoreProgress> {
    let progress = said?.restoring()?;
    Some(RestoreProgress {
        bytes: step_of(progress.bytes, progress.total),
        ..progress
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_goes_in_twentieths_of_what_is_large_and_in_fixed_steps_of_what_is_not() {
        let mib = |count: u64| count << 20;
        assert_eq!(step_of(mib(149), Some(mib(2000))), mib(100));
        assert_eq!(step_of(mib(40), Some(mib(50))), mib(32));
        assert_eq!(step_of(mib(40), None), mib(32));
        assert_eq!(step_of(mib(15), Some(mib(50))), 0);
    }
}
