//! Waiting for a condition, never for a time.

use std::{fmt::Display, time::Duration};

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// How long after the first look at a condition comes the second. Each pause is longer than the one before by half: what has
/// not come by then will take longer, and each look costs those who are to bring it about.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LAST_PAUSE: Duration = Duration::from_millis(250);

/// The pauses between looks.
struct Pauses(Duration);

impl Pauses {
    fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    async fn pass(&mut self) {
        sleep(self.0).await;
        self.0 = LAST_PAUSE.min(self.0 * 3 / 2);
    }
}

/// Waits until `condition` gives a value.
///
/// # Errors
/// When it gives none within `deadline`; the error says `what` was waited for.
pub async fn until_some<T>(
    what: impl Display,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    let mut pauses = Pauses::new();
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if Instant::now() >= end {
            bail!("waited {} s in vain for: {what}", deadline.as_secs());
        }
        pauses.pass().await;
    }
}

/// Waits until `condition` holds.
///
/// # Errors
/// When it does not within `deadline`; the error says `what` was waited for.
pub async fn until(
    what: impl Display,
    deadline: Duration,
    mut condition: impl AsyncFnMut() -> bool,
) -> Result<()> {
    until_some(what, deadline, async || condition().await.then_some(())).await
}

/// Waits until `attempt` succeeds.
///
/// # Errors
/// When it does not within `deadline`; the error says `what` was waited for, and what the last attempt said.
pub async fn until_ok<T>(
    what: impl Display,
    deadline: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    let mut pauses = Pauses::new();
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= end => {
                return Err(error.context(format!("waited {} s in vain for: {what}", deadline.as_secs())));
            }
            Err(_) => pauses.pass().await,
        }
    }
}
