//! `etcd-backup completion`

use clap::Args;
use clap_complete::Shell;

use crate::{args, exit::Failure, output::print};

/// Which shell's.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell. For bash: `source <(etcd-backup completion bash)`
    shell: Shell,
}

pub(crate) fn run(completion: &Completion) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completion.shell, &mut args::command(), "etcd-backup", &mut script);
    print(&String::from_utf8_lossy(&script))
}
