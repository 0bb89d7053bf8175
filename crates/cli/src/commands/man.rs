//! `etcd-backup man`

use std::path::PathBuf;

use clap::Args;

use crate::exit::Failure;

/// Write the manual pages, one a verb
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// An existing directory, such as /usr/local/share/man/man1
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

/// Writes a page for each verb of `grammar`.
pub(crate) fn run(man: &Man, grammar: clap::Command) -> Result<(), Failure> {
    clap_mangen::generate_to(grammar, &man.directory).map_err(|error| {
        Failure::storage(
            format!("cannot write manual pages to {}", man.directory.display()),
            &error,
        )
    })
}
