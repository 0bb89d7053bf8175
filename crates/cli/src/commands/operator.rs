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
        .map_err(|error| Failure::new(Exit::Other, etcd_backup_operator::explain::with_causes(&error)))
}
