//! Where log lines go: to standard error, so that results can be piped on.

use std::io::{self, IsTerminal};

use etcd_backup_operator::settings::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::exit::{Exit, Failure};

/// What libraries say that whoever called them says better is logged only where their name stands in the filter. The AWS SDK has
/// several warnings for each look for credentials and a region, with whole answers of metadata services in them; kube an error for
/// each request that an API server did not answer, without a word on which.
const QUIET: &str = "aws_config=error,kube_client::client::builder=off";

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
    fn libraries_speak_only_where_they_are_asked_by_name() {
        let speak = |filter: &str| {
            let lines = tracing_subscriber::fmt().with_env_filter(filtering(filter).ok().unwrap());
            with_default(lines.finish(), || {
                (
                    enabled!(target: "aws_config::imds::region", Level::WARN),
                    enabled!(target: "kube_client::client::builder", Level::ERROR),
                    enabled!(target: "etcd_backup_operator::upkeep", Level::WARN),
                )
            })
        };
        assert_eq!(speak("info"), (false, false, true));
        assert_eq!(speak("debug"), (false, false, true));
        assert_eq!(speak("info,aws_config=warn"), (true, false, true));
        assert_eq!(speak("info,kube_client=info"), (false, false, true));
        assert_eq!(
            speak("info,kube_client::client::builder=info"),
            (false, true, true)
        );
        assert!(filtering("no=such=thing").is_err());
    }
}
