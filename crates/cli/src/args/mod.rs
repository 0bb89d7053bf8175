//! What can be typed.

use std::{env, ffi::OsStr};

use clap::{CommandFactory, Parser, Subcommand, builder::Resettable};

use crate::{
    commands::{
        agent::Agent,
        completion::Completion,
        diff::Diff,
        fetch::Fetch,
        inspect::Inspect,
        kubectl::{self, Kubectl},
        list::List,
        man::Man,
        operator::Operator,
        restore::Restore,
        retention::Retention,
        show::Show,
        snapshot::Snapshot,
        verify::Verify,
    },
    connection::{self, Connection},
    exit,
    output::Format,
};

/// Backs up etcd to object storage and proves every byte.
#[derive(Debug, Parser)]
#[command(name = "etcd-backup", version, after_long_help = exit::HELP, max_term_width = 120)]
pub(crate) struct Cli {
    /// How results are printed: etcdctl's formats, kubectl's `wide`, and YAML
    #[arg(
        short = 'w',
        visible_short_alias = 'o',
        long = "write-out",
        visible_alias = "output",
        global = true
    )]
    #[arg(value_enum, env = "ETCDCTL_WRITE_OUT", value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    // After the others: its heading would go over to them.
    #[command(flatten)]
    pub(crate) connection: Connection,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the operator in a Kubernetes cluster
    Operator(Box<Operator>),
    /// What the Jobs of the operator run: nothing for people
    #[command(subcommand, hide = true)]
    Agent(Agent),
    /// Save a snapshot of a live member, look at a saved one, or restore it
    #[command(subcommand)]
    Snapshot(Snapshot),
    List(Box<List>),
    Show(Box<Show>),
    Verify(Box<Verify>),
    Fetch(Box<Fetch>),
    Restore(Box<Restore>),
    #[command(subcommand)]
    Inspect(Box<Inspect>),
    Diff(Box<Diff>),
    Retention(Box<Retention>),
    #[command(about = kubectl::ABOUT, after_help = kubectl::HELP)]
    Kubectl(Box<Kubectl>),
    /// Print the version
    Version,
    /// Print a shell's completion script
    Completion(Completion),
    Man(Man),
}

/// Where the flags about etcd mean nothing. They are accepted everywhere, as etcdctl accepts them before and after its verbs, but shown only
/// where they do something.
const WITHOUT_ETCD: &[&[&str]] = &[
    &["operator"],
    &["agent"],
    &["agent", "restore"],
    &["agent", "drill"],
    &["agent", "snapshot"],
    &["version"],
    &["completion"],
    &["man"],
    &["snapshot", "status"],
    &["snapshot", "restore"],
    &["list"],
    &["show"],
    &["verify"],
    &["fetch"],
    &["restore"],
    &["inspect"],
    &["inspect", "summary"],
    &["inspect", "keys"],
    &["inspect", "get"],
    &["inspect", "history"],
    &["inspect", "usage"],
    &["diff"],
    &["retention"],
    &["kubectl"],
    &["kubectl", "status"],
    &["kubectl", "now"],
    &["kubectl", "pin"],
    &["kubectl", "unpin"],
    &["kubectl", "drill"],
];

/// Where nothing is printed that could have a format.
pub(crate) const WITHOUT_RESULT: &[&[&str]] = &[
    &["operator"],
    &["agent", "restore"],
    &["agent", "drill"],
    &["agent", "snapshot"],
    &["completion"],
    &["man"],
    &["kubectl", "now"],
    &["kubectl", "pin"],
    &["kubectl", "unpin"],
    &["kubectl", "drill"],
];

/// The whole grammar.
pub(crate) fn command() -> clap::Command {
    prepared(Cli::command())
}

/// A variable that is set to nothing is not set, as for etcdctl: it would be a mistake in the value of its flag.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| {
            if arg.get_env().is_some_and(is_empty) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

/// The grammar without the verb `help`, which needs no manual page for each verb.
pub(crate) fn without_help() -> clap::Command {
    let command = Cli::command().disable_help_subcommand(true);
    let command = command.mut_subcommand("snapshot", |snapshot| snapshot.disable_help_subcommand(true));
    let command = command.mut_subcommand("inspect", |inspect| inspect.disable_help_subcommand(true));
    prepared(command.mut_subcommand("kubectl", |kubectl| kubectl.disable_help_subcommand(true)))
}

fn prepared(command: clap::Command) -> clap::Command {
    let mut command = without_empty_variables(command);
    // Hands the global flags down to every verb, so that they can be hidden there.
    command.build();
    for verb in WITHOUT_ETCD {
        command = hide(command, verb, |arg| {
            arg.get_help_heading() == Some(connection::HEADING)
        });
    }
    for verb in WITHOUT_RESULT {
        command = hide(command, verb, |arg| arg.get_id() == "format");
    }
    command
}

/// Leaves these flags out of one verb's help.
pub(crate) fn hide(command: clap::Command, verb: &[&str], flags: fn(&clap::Arg) -> bool) -> clap::Command {
    match verb {
        [] => command.mut_args(|arg| if flags(&arg) { arg.hide(true) } else { arg }),
        [first, rest @ ..] => command.mut_subcommand(first, |sub| hide(sub, rest, flags)),
    }
}

#[cfg(test)]
mod tests;
