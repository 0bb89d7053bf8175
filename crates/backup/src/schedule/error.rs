use thiserror::Error;

/// Why a schedule is refused, in words for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Nothing there.
    #[error("the schedule is empty: leave it out for a plan that runs on demand only")]
    Empty,
    /// Longer than any schedule.
    #[error("the schedule is longer than {0} characters")]
    TooLong(usize),
    /// A macro that does not exist.
    #[error("unknown macro: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    UnknownMacro,
    /// Six fields: seconds or years, which some crons have.
    #[error("{0} fields, where a schedule has five: minute, hour, day of month, month, day of week")]
    FieldCount(usize),
    /// One field cannot be read.
    #[error("{field} {text:?} is not understood: {why}")]
    Field {
        /// Which of the five.
        field: &'static str,
        /// What is written there.
        text: String,
        /// What may be written there.
        why: &'static str,
    },
    /// Well written, but no day is like that.
    #[error("the schedule never comes: no date matches it (such as 31 February)")]
    Never,
    /// Not the name of a time zone.
    #[error("{0:?} is not the name of a time zone: use one such as Europe/Berlin or UTC")]
    UnknownTimeZone(String),
}
