//! What the person in front of it sees.

use std::{
    future::Future,
    io::{IsTerminal, stdout},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use anyhow::Result;
use tokio::time::{Instant, sleep};

/// Title column's width.
const TITLE: usize = 16;
/// What takes less than this is not worth a line about waiting.
const SHORT: Duration = Duration::from_millis(700);

/// Numbered steps, and a line that says what is waited for.
#[derive(Debug)]
pub(crate) struct Screen {
    start: Instant,
    step: AtomicU32,
    terminal: bool,
    succeeded: AtomicBool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            step: AtomicU32::new(0),
            terminal: stdout().is_terminal(),
            succeeded: AtomicBool::new(false),
        }
    }

    /// Does one step: shows what is waited for while it takes, then what has come of it.
    pub(crate) async fn step<T>(
        &self,
        title: &str,
        waiting_for: &str,
        work: impl Future<Output = Result<T>>,
        outcome: impl FnOnce(&T) -> String,
    ) -> Result<T> {
        let number = self.step.fetch_add(1, Ordering::Relaxed) + 1;
        let start = Instant::now();
        let value = self.waiting(waiting_for, work).await?;
        let seconds = start.elapsed().as_secs_f64();
        line(&format!(
            "{number:>2}  {title:<TITLE$}  {seconds:>4.1} s  {}",
            outcome(&value)
        ));
        Ok(value)
    }

    /// Shows what is waited for while it takes.
    pub(crate) async fn waiting<T>(&self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        // A task of its own: some of the work blocks its thread.
        let clock = tokio::spawn(count_seconds(what.to_owned(), self.terminal));
        let stop = StopOnDrop(clock, self.terminal);
        let result = work.await;
        drop(stop);
        result
    }

    /// Whether [`succeeded`](Self::succeeded) has been said.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Says that all went well.
    pub(crate) fn succeeded(&self, what: &str) {
        self.succeeded.store(true, Ordering::Relaxed);
        let (bold, plain) = if self.terminal {
            ("\x1b[1;32m", "\x1b[0m")
        } else {
            ("", "")
        };
        line(&format!(
            "\n{bold}SUCCESS{plain} in {} s: {what}",
            self.start.elapsed().as_secs()
        ));
    }

    /// The last line when it did not.
    pub(crate) fn failed(&self, error: &anyhow::Error) {
        let (bold, plain) = if self.terminal {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        line(&format!("\n{bold}The demo did not succeed{plain}: {error:#}"));
    }
}

/// Shows what there is, below a heading.
pub(crate) fn show(heading: &str, text: &str) {
    line(&format!("\n    {heading}"));
    for row in text.lines() {
        line(&format!("    {}", row.trim_end()));
    }
    line("");
}

/// Writes one line.
pub(crate) fn line(text: &str) {
    put(&format!("{text}\n"));
}

/// Ends the line about waiting, also when the work is dropped.
struct StopOnDrop(tokio::task::JoinHandle<()>, bool);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
        if self.1 {
            put("\r\x1b[K");
        }
    }
}

async fn count_seconds(what: String, terminal: bool) {
    let start = Instant::now();
    sleep(SHORT).await;
    if !terminal {
        put(&format!("    … waiting for {what}\n"));
        return;
    }
    loop {
        put(&format!(
            "\r\x1b[K    … waiting for {what} ({} s)",
            start.elapsed().as_secs()
        ));
        sleep(Duration::from_secs(1)).await;
    }
}

#[expect(clippy::print_stdout, reason = "the demo speaks to a person")]
fn put(text: &str) {
    use std::io::Write;
    print!("{text}");
    // Nobody reads any more when this fails.
    let _ = stdout().flush();
}
