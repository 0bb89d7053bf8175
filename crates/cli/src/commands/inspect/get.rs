//! `etcd-backup inspect get`

use std::{ffi::OsString, os::unix::ffi::OsStrExt};

use clap::Args;

use super::{From, failed};
use crate::{
    exit::{Exit, Failure},
    output::{Format, json, print, print_bytes, yaml},
};

/// Print one key's value, as it was stored
///
/// The bytes are printed as they are, and nothing else, so that they can be piped on; Kubernetes stores most objects in a
/// binary form. -o json and -o yaml say what is known of the key as well.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The key
    #[arg(value_name = "KEY", index = 2)]
    wanted: OsString,

    /// As it was at this revision, which must not be older than the snapshot's last compaction
    #[arg(long, value_name = "REVISION")]
    revision: Option<i64>,

    // After the others: its headings would go over to them.
    #[command(flatten)]
    from: From,
}

pub(super) fn run(get: &Get, format: Option<Format>) -> Result<(), Failure> {
    let snapshot = get.from.open()?;
    let found = snapshot
        .get(get.wanted.as_bytes(), get.revision)
        .map_err(|error| failed(&error))?;
    let Some(found) = found else {
        return Err(Failure::new(
            Exit::NotFound,
            format!("there is no key {}", get.wanted.to_string_lossy().escape_debug()),
        )
        .hint("`etcd-backup inspect keys` lists them, `inspect history` shows what became of one"));
    };
    match format {
        Some(Format::Json) => print(&json(&found)?),
        Some(Format::Yaml) => print(&yaml(&found)?),
        _ => print_bytes(&found.value.0),
    }
}
