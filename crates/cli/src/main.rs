//! `etcd-backup`: the operator, and the verbs people type.

mod args;
mod called;
mod clock;
mod commands;
mod connection;
mod exit;
mod go_duration;
mod interrupt;
mod logs;
mod output;
mod panic;
mod part;
mod path;
mod progress;
mod size;
mod store;

use std::process::ExitCode;

use args::{Cli, Verb};
use called::Called;
use commands::{
    agent, completion, diff, fetch, inspect, kubectl, list, man, operator, restore, retention, show,
    snapshot, verify, version,
};
use exit::Failure;

fn main() -> ExitCode {
    panic::tell_only_where();
    // One TLS library for etcd, S3 and Kubernetes, chosen before the first of them asks. It fails only when one is chosen already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let done = match called::parse() {
        Called::Program(cli) => run(*cli),
        Called::Plugin(plugin) => kubectl::run(&plugin.asked, plugin.format),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Does what was typed.
fn run(cli: Cli) -> Result<(), Failure> {
    match cli.verb {
        Verb::Operator(operator) => operator::run(*operator),
        Verb::Agent(agent) => agent::run(&agent),
        Verb::Snapshot(snapshot) => snapshot::run(snapshot, &cli.connection, cli.format),
        Verb::List(list) => list::run(&list, cli.format),
        Verb::Show(show) => show::run(&show, cli.format),
        Verb::Verify(verify) => verify::run(&verify, cli.format),
        Verb::Fetch(fetch) => fetch::run(&fetch, cli.format),
        Verb::Restore(restore) => restore::run(&restore, cli.format),
        Verb::Inspect(inspect) => inspect::run(&inspect, cli.format),
        Verb::Diff(diff) => diff::run(&diff, cli.format),
        Verb::Retention(retention) => retention::run(&retention, cli.format),
        Verb::Kubectl(kubectl) => kubectl::run(&kubectl, cli.format),
        Verb::Version => version::run(cli.format),
        Verb::Man(man) => man::run(&man, args::without_help()),
        Verb::Completion(completion) => completion::run(&completion, &mut args::command()),
    }
}
