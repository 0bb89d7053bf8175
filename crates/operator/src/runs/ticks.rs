//! Looking at a run's progress now and then.

use std::time::Duration;

use etcd_backup_backup::write::{Progress, ProgressNow};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Tells when progress is worth showing: it has moved, and it was not shown a moment ago.
#[derive(Debug)]
pub(super) struct Ticks {
    interval: Interval,
    shown: ProgressNow,
}

impl Ticks {
    /// Looks once in every `period`.
    pub(super) fn new(period: Duration) -> Self {
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            shown: ProgressNow::default(),
        }
    }

    /// Resolves when there is something new. May be dropped at any time.
    pub(super) async fn moved(&mut self, progress: &Progress) {
        self.changed(|| progress.now()).await;
    }

    async fn changed(&mut self, now: impl Fn() -> ProgressNow) {
        loop {
            self.interval.tick().await;
            let now = now();
            if now != self.shown {
                self.shown = now;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn progress_is_shown_at_most_once_a_period_however_fast_it_is() {
        let start = Instant::now();
        let mut ticks = Ticks::new(Duration::from_secs(2));
        // A byte a millisecond.
        let now = || ProgressNow {
            read: start.elapsed().as_millis() as u64,
            ..ProgressNow::default()
        };
        let mut shown = 0;
        while timeout(
            Duration::from_mins(1).saturating_sub(start.elapsed()),
            ticks.changed(now),
        )
        .await
        .is_ok()
        {
            shown += 1;
        }
        assert!((29..=30).contains(&shown), "{shown} times in a minute");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_stands_still_is_not_shown_again() {
        let bytes = Cell::new(1);
        let mut ticks = Ticks::new(Duration::from_secs(2));
        let now = || ProgressNow {
            read: bytes.get(),
            ..ProgressNow::default()
        };
        ticks.changed(now).await;
        assert!(
            timeout(Duration::from_hours(1), ticks.changed(now))
                .await
                .is_err()
        );
        bytes.set(2);
        sleep(Duration::from_secs(2)).await;
        assert!(
            timeout(Duration::from_millis(1), ticks.changed(now))
                .await
                .is_ok()
        );
    }
}
