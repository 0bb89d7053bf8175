//! `etcd-backup operator`

use clap::Args;
use etcd_backup_operator::settings::Settings;

use crate::{
    commands::runtime,
    exit::{Exit, Failure},
    logs,
};

/// Everything the operator can be told.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(operator: Operator) -> Result<(), Failure> {
    logs::start(operator.settings.log_format, &operator.settings.log_level)?;
    runtime()?
        .block_on(etcd_backup_operator::run(operator.settings))
        .map_err(|error| Failure::new(Exit::Other, with_causes(&error)))
}

/// An error and its causes in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Many errors print their cause themselves.
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
