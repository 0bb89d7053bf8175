//! When backups are due.
//!
//! A schedule is five cron fields (minute, hour, day of month, month, day of week) or a macro such as `@daily`, read in a
//! time zone. Its *slots* are instants, always on a full minute.
//!
//! # Daylight saving time
//!
//! A schedule that names hours follows the wall clock: a time that the clock skips runs once, at the first instant after
//! the gap; a time that the clock repeats runs once, the first time. A schedule whose hour field is `*` follows real
//! time: it runs through a repeated hour twice, and a skipped hour does not exist for it.
//!
//! # Whose clock
//!
//! Nothing here reads a clock, and no amount of time between two calls makes a call slow: missed slots are counted up to
//! [`MISSED_CAP`].

mod due;
mod error;
mod expression;
mod jitter;
#[cfg(test)]
mod model;
mod slots;
#[cfg(test)]
mod tests;

pub use due::{Due, MISSED_CAP, Missed, due};
pub use error::ScheduleError;
pub use jitter::jitter;
pub use slots::Schedule;
