//! Notices a stream that does not get on.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::Timeouts;

/// Counts bytes and the time spent waiting for them, never messages: a member whose disk fails sends empty messages without end. Time in
/// which nobody asked for bytes does not count, so a slow consumer is not mistaken for a slow member.
#[derive(Debug)]
pub(crate) struct Watchdog {
    timeouts: Timeouts,
    alarm: Pin<Box<Sleep>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

/// What the watchdog noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Slow {
    #[error("not one byte within {0:?}")]
    Silent(Duration),
    #[error("only {bytes} bytes within {waited:?} of waiting, where at least {least} a second are demanded")]
    Trickle {
        bytes: u64,
        waited: Duration,
        least: u64,
    },
}

impl Watchdog {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            alarm: Box::pin(sleep_until(Instant::now())),
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Called when the stream has nothing yet: ready once that has lasted too long.
    pub(crate) fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Slow> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.alarm.as_mut().reset(now + self.timeouts.idle);
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Slow::Silent(self.timeouts.idle))
    }

    /// Called for every message that arrived.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<(), Slow> {
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
        }
        self.bytes += count;
        if self.waited < self.timeouts.throughput_window {
            return Ok(());
        }
        let (bytes, waited) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.waited));
        match self.timeouts.min_bytes_per_second {
            Some(least) if u128::from(bytes) * 1000 < u128::from(least) * waited.as_millis() => {
                Err(Slow::Trickle { bytes, waited, least })
            }
            _ => Ok(()),
        }
    }
}
