//! `etcd-backup completion`

use clap::Args;
use clap_complete::Shell;

use crate::{exit::Failure, output::print};

/// Which shell's.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell. For bash: `source <(etcd-backup completion bash)`
    shell: Shell,
}

/// Prints the script for `grammar`.
pub(crate) fn run(completion: &Completion, grammar: &mut clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, grammar, "etcd-backup", &mut script);
    print(&String::from_utf8_lossy(&script))
}
