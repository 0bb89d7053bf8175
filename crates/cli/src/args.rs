//! What can be typed.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    commands::{completion::Completion, operator::Operator, snapshot::Snapshot},
    connection::{self, Connection},
    exit,
    output::Format,
};

/// Backs up etcd to object storage and proves every byte.
#[derive(Debug, Parser)]
#[command(name = "etcd-backup", version, after_long_help = exit::HELP, max_term_width = 120)]
pub(crate) struct Cli {
    /// How results are printed. etcdctl's formats, and `details`, which says everything that is known.
    #[arg(
        short = 'w',
        visible_short_alias = 'o',
        long = "write-out",
        visible_alias = "output",
        global = true
    )]
    #[arg(value_enum, default_value_t = Format::Simple, env = "ETCDCTL_WRITE_OUT", value_name = "FORMAT")]
    pub(crate) format: Format,

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
    /// Save a snapshot of a live member, or look at a saved one
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Print the version
    Version,
    /// Print a shell's completion script
    Completion(Completion),
}

/// Where the flags about etcd mean nothing. They are accepted everywhere, as etcdctl accepts them before and after its verbs, but shown only
/// where they do something.
const WITHOUT_ETCD: &[&[&str]] = &[
    &["operator"],
    &["version"],
    &["completion"],
    &["snapshot", "status"],
];

/// Where nothing is printed that could have a format.
const WITHOUT_RESULT: &[&[&str]] = &[&["operator"], &["completion"]];

/// The whole grammar.
pub(crate) fn command() -> clap::Command {
    let mut command = Cli::command();
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
fn hide(command: clap::Command, verb: &[&str], flags: fn(&clap::Arg) -> bool) -> clap::Command {
    match verb {
        [] => command.mut_args(|arg| if flags(&arg) { arg.hide(true) } else { arg }),
        [first, rest @ ..] => command.mut_subcommand(first, |sub| hide(sub, rest, flags)),
    }
}

/// Reads the command line. Ends the process for `--help`, `--version` and what cannot be understood (exit code 2).
pub(crate) fn parse() -> Cli {
    let matches = command().get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(line: &str) -> Result<Cli, clap::Error> {
        command()
            .try_get_matches_from(line.split(' '))
            .and_then(|matches| Cli::from_arg_matches(&matches))
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_etcdctl_are_understood_before_and_after_the_verb() {
        for line in [
            "etcd-backup --endpoints=https://a:2379,b:2379 --cacert ca snapshot save f",
            "etcd-backup snapshot save f --endpoints=https://a:2379 --endpoints b:2379 --cacert ca",
            "etcd-backup snapshot --endpoints=https://a:2379,b:2379 save --cacert=ca f",
        ] {
            let cli = cli(line).expect(line);
            assert_eq!(cli.connection.endpoints, ["https://a:2379", "b:2379"], "{line}");
            assert_eq!(
                cli.connection.cacert.as_deref().and_then(|p| p.to_str()),
                Some("ca"),
                "{line}"
            );
        }
        for line in [
            "etcd-backup -w json snapshot status f",
            "etcd-backup snapshot status f -w json",
            "etcd-backup snapshot status f -o json",
            "etcd-backup snapshot status --write-out=json f",
        ] {
            assert_eq!(cli(line).expect(line).format, Format::Json, "{line}");
        }
    }

    #[test]
    fn flags_about_etcd_are_shown_only_where_they_do_something() {
        let help = |line: &str| cli(line).expect_err(line).to_string();
        assert!(help("etcd-backup snapshot save --help").contains("--endpoints"));
        for line in [
            "etcd-backup operator --help",
            "etcd-backup version --help",
            "etcd-backup snapshot status --help",
        ] {
            assert!(!help(line).contains("--endpoints"), "{line}");
        }
        assert!(help("etcd-backup snapshot status --help").contains("--write-out"));
        assert!(!help("etcd-backup operator --help").contains("--write-out"));
        assert!(help("etcd-backup --help").contains("Exit codes"));
    }
}
