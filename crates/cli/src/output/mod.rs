//! Printing results.

mod boxed;
mod listing;

pub(crate) use boxed::boxed;
pub(crate) use listing::{Column, Listing};

use std::io::{self, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for each thing, fields separated by commas
    Simple,
    /// A table
    Table,
    /// Everything that is known, for people
    Wide,
    /// JSON; with etcdutl's names where etcdutl has the thing
    Json,
    /// The same as JSON, in YAML
    Yaml,
    /// One field a line, as etcdctl prints them
    Fields,
}

/// Prints to standard output. A reader that has gone (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(harmless(text).as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    match io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::storage("cannot print the result", &error))
        }
        _ => Ok(()),
    }
}

/// Something that belongs beside the result, on standard error.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr().lock(), "Note: {}", harmless(text));
}

/// Something that must be known before the result is used, on standard error.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "Warning: {}", harmless(text));
}

/// Names come out of buckets and snapshots: what would steer a terminal becomes `?`.
fn harmless(text: &str) -> String {
    let harmless = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            '?'
        } else {
            c
        }
    };
    text.chars().map(harmless).collect()
}

/// JSON on one line, as etcdctl prints it.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new(Exit::Other, format!("cannot write the result as JSON: {error}")))
}

/// What [`json`] prints, in YAML.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    serde_saphyr::to_string(value)
        .map_err(|error| Failure::new(Exit::Other, format!("cannot write the result as YAML: {error}")))
}
