//! Where log lines go: to standard error, so that results can be piped on.

use std::io::{self, IsTerminal};

use etcd_backup_operator::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// Begins to log.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(Exit::Usage, format!("--log-level: {error}"))
            .hint("write error, warn, info, debug, trace, or info,etcd_backup_store=debug")
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Other, format!("cannot log: {error}")))
}
