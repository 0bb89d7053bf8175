//! A server that takes bodies only so fast, all of them together, as behind a link of some width.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Shorter pauses are saved up: a timer is not finer than a millisecond.
const LEAST: Duration = Duration::from_millis(4);

#[derive(Debug)]
pub(super) struct Pace {
    bytes_per_second: f64,
    /// When what was taken so far has been carried.
    carried: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u32) -> Self {
        Self {
            bytes_per_second: f64::from(bytes_per_second.max(1)),
            carried: Mutex::new(None),
        }
    }

    /// Waits as long as the link takes for so many bytes.
    pub(super) async fn carry(&self, bytes: usize) {
        let takes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / self.bytes_per_second;
        let now = Instant::now();
        let end = {
            let mut carried = self.carried.lock().unwrap_or_else(PoisonError::into_inner);
            // A link that was idle does not make up for it.
            let begin = carried.map_or(now, |carried| carried.max(now - LEAST));
            let end = begin + Duration::from_secs_f64(takes);
            *carried = Some(end);
            end
        };
        if end > now + LEAST {
            sleep_until(end).await;
        }
    }
}
