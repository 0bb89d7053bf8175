//! How far it is, on standard error.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::size;

/// Redrawn this often on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// A line this often elsewhere: a log should show that it lives, and little more.
const LINE: Duration = Duration::from_secs(10);

/// One line that is redrawn on a terminal; a line now and then in a log.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    total: Option<u64>,
    started: Instant,
    shown: Instant,
    terminal: bool,
    drawn: bool,
}

impl Progress {
    pub(crate) fn start(total: u64) -> Self {
        Self::of("", Some(total))
    }

    /// Of one stage among several. Nobody may know how much there is in all.
    pub(crate) fn of(what: &'static str, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            what,
            total,
            started: now,
            shown: now,
            terminal: io::stderr().is_terminal(),
            drawn: false,
        }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, done: u64) {
        let interval = if self.terminal { REDRAW } else { LINE };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let mut line = line(done, self.total, self.started.elapsed());
        if !self.what.is_empty() {
            line.insert_str(0, &format!("{:<9}", self.what));
        }
        let mut stderr = io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        let _ = if self.terminal {
            self.drawn = true;
            // Back to the start, and clear what the line before had more.
            write!(stderr, "\r{line}\x1b[K").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{line}")
        };
    }
}

impl Drop for Progress {
    /// Leaves an empty line for what is printed next.
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = (u128::from(done) * 1000 / elapsed.as_millis().max(1)) as u64;
    let Some(total) = total else {
        return format!("{}  {}/s", size::human(done), size::human(rate));
    };
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    let left = match total.saturating_sub(done).checked_div(rate) {
        Some(seconds) => clock(seconds),
        None => "unknown".to_owned(),
    };
    format!(
        "{percent:>3}%  {} of {}  {}/s  {left} left",
        size::human(done),
        size::human(total),
        size::human(rate)
    )
}

fn clock(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let seconds = Duration::from_secs;
        assert_eq!(
            line(50_000_000, Some(200_000_000), seconds(2)),
            " 25%  50 MB of 200 MB  25 MB/s  0:06 left"
        );
        assert_eq!(
            line(0, Some(200_000_000), seconds(2)),
            "  0%  0 B of 200 MB  0 B/s  unknown left"
        );
        assert_eq!(
            line(1_000, Some(1_000_000_000), seconds(1)),
            "  0%  1.0 kB of 1.0 GB  1.0 kB/s  277:46:39 left"
        );
        assert_eq!(
            line(0, Some(0), Duration::ZERO),
            "  0%  0 B of 0 B  0 B/s  unknown left"
        );
    }

    #[test]
    fn where_nobody_knows_how_much_there_is_a_line_does_not_guess() {
        assert_eq!(line(50_000_000, None, Duration::from_secs(2)), "50 MB  25 MB/s");
        assert_eq!(line(0, None, Duration::ZERO), "0 B  0 B/s");
    }
}
