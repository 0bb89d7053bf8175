//! Where log lines go: to standard error, so that results can be piped on.

use std::io::{self, IsTerminal};

use etcd_backup_operator::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// What the AWS SDK says of looking for credentials and a region is said only where its name stands in the filter: several warnings
/// for each look, with whole answers of metadata services in them. What came of it is told by whoever asked.
const QUIET: &str = "aws_config=error";

/// Begins to log.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let filter = filtering(filter)?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Other, format!("cannot log: {error}")))
}

/// What is logged. Of two directives for one target the later counts.
fn filtering(filter: &str) -> Result<EnvFilter, Failure> {
    let wrong = |error| {
        Failure::new(Exit::Usage, format!("--log-level: {error}"))
            .hint("write error, warn, info, debug, trace, or info,etcd_backup_store=debug")
    };
    // On its own first: what is wrong with it is told in its own words.
    EnvFilter::try_new(filter).map_err(wrong)?;
    EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing::{Level, enabled};

    use super::*;

    #[test]
    fn the_sdk_warns_only_where_it_is_asked_by_name() {
        let warns = |filter: &str| {
            let lines = tracing_subscriber::fmt().with_env_filter(filtering(filter).ok().unwrap());
            with_default(lines.finish(), || {
                (
                    enabled!(target: "aws_config::imds::region", Level::WARN),
                    enabled!(target: "etcd_backup_operator::upkeep", Level::WARN),
                )
            })
        };
        assert_eq!(warns("info"), (false, true));
        assert_eq!(warns("debug"), (false, true));
        assert_eq!(warns("info,aws_config=warn"), (true, true));
        assert!(filtering("no=such=thing").is_err());
    }
}
