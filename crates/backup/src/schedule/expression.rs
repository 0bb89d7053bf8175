//! From what people write to a pattern, with a reason for every refusal.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};

use super::ScheduleError;

/// The longest schedule taken. A list of every minute has 169 characters; beyond it there is nothing to say.
const LONGEST: usize = 256;

/// The macros of cron(8), but `@reboot`, which has no time.
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The five fields and what each may hold.
const FIELDS: [(&str, &str); 5] = [
    (
        "minute",
        "it holds numbers from 0 to 59, ranges, lists and steps, such as 0, */15 or 5,35",
    ),
    (
        "hour",
        "it holds numbers from 0 to 23, ranges, lists and steps, such as 6, */4 or 8-18",
    ),
    (
        "day of month",
        "it holds numbers from 1 to 31, ranges, lists and steps, L (the last day) or 15W (the nearest weekday)",
    ),
    (
        "month",
        "it holds numbers from 1 to 12 or JAN to DEC, ranges, lists and steps",
    ),
    (
        "day of week",
        "it holds numbers from 0 to 7 (0 and 7 are Sunday) or SUN to SAT, ranges, lists and steps, MON#1 (the first) or FRI#L (the last)",
    ),
];

/// A schedule, understood.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    /// The pattern, over wall clock times.
    pub(super) cron: Cron,
    /// The hour field is `*`: slots follow real time through changes of the clock.
    pub(super) every_hour: bool,
}

pub(super) fn parse(text: &str) -> Result<Expression, ScheduleError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ScheduleError::Empty);
    }
    if text.len() > LONGEST {
        return Err(ScheduleError::TooLong(LONGEST));
    }
    let fields = expand(text)?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let fields: [&str; 5] = fields
        .as_slice()
        .try_into()
        .map_err(|_| ScheduleError::FieldCount(fields.len()))?;
    for index in 0..FIELDS.len() {
        check_field(&fields, index)?;
    }
    let cron = parser()
        .parse(&fields.join(" "))
        .map_err(|_| ScheduleError::Never)?;
    Ok(Expression {
        cron,
        every_hour: fields[1] == "*",
    })
}

fn expand(text: &str) -> Result<&str, ScheduleError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let known = MACROS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    known
        .map(|(_, fields)| *fields)
        .ok_or(ScheduleError::UnknownMacro)
}

/// croner's messages speak of positions and components. Trying each field alone names the one at fault, and our words
/// say what it may hold.
fn check_field(fields: &[&str; 5], index: usize) -> Result<(), ScheduleError> {
    let mut alone = ["*"; 5];
    alone[index] = fields[index];
    // `?` is Quartz's word for "no rule here", and a `+` before a day of the week is croner's own for "and": neither is
    // cron's, and who writes them may mean something else.
    let foreign = fields[index].contains(['?', '+', '@']);
    if foreign || parser().parse(&alone.join(" ")).is_err() {
        let (field, why) = FIELDS[index];
        return Err(ScheduleError::Field {
            field,
            text: fields[index].to_owned(),
            why,
        });
    }
    Ok(())
}

fn parser() -> CronParser {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
}
