//! Paths on the command line.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Reads a path. An empty one, as of a variable that is set to nothing, is none to whoever uses it, and no mistake.
pub(crate) fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
