//! Printing results.

use std::io::{self, Write};

use clap::ValueEnum;

use crate::exit::Failure;

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One line
    Simple,
    /// A table
    Table,
    /// JSON, with etcdutl's names
    Json,
    /// One field a line, with etcdctl's names
    Fields,
    /// Everything that is known, for people
    Details,
}

/// Prints to standard output. A reader that has gone (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::storage("cannot print the result", &error))
        }
        _ => Ok(()),
    }
}

/// A table with one row, drawn as etcdctl draws it: headings centred, values to the right.
pub(crate) fn table(columns: &[(&str, String)]) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .map(|(name, value)| name.chars().count().max(value.chars().count()))
        .collect();
    let rule: String = widths
        .iter()
        .map(|width| format!("+{}", "-".repeat(width + 2)))
        .collect::<Vec<_>>()
        .concat();
    let line = |cells: Vec<String>| {
        cells
            .into_iter()
            .map(|cell| format!("| {cell} "))
            .collect::<Vec<_>>()
            .concat()
    };
    let head = line(
        columns
            .iter()
            .zip(&widths)
            .map(|((name, _), &width)| format!("{name:^width$}"))
            .collect(),
    );
    let body = line(
        columns
            .iter()
            .zip(&widths)
            .map(|((_, value), &width)| format!("{value:>width$}"))
            .collect(),
    );
    format!("{rule}+\n{head}|\n{rule}+\n{body}|\n{rule}+\n")
}
