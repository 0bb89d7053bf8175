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
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use clap::FromArgMatches;

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
            assert_eq!(cli(line).expect(line).format, Some(Format::Json), "{line}");
        }
    }

    /// A positional with the name of one of etcd's flags, which go to every verb, ends in a panic when it is read.
    #[test]
    fn every_verb_can_be_typed() {
        for line in [
            "etcd-backup snapshot save f",
            "etcd-backup snapshot status f",
            "etcd-backup snapshot restore f",
            "etcd-backup agent restore prepare",
            "etcd-backup agent snapshot",
            "etcd-backup list s3://b",
            "etcd-backup show s3://b",
            "etcd-backup verify s3://b",
            "etcd-backup fetch s3://b f",
            "etcd-backup restore f",
            "etcd-backup inspect summary f",
            "etcd-backup inspect keys f",
            "etcd-backup inspect get f k",
            "etcd-backup inspect history f k",
            "etcd-backup inspect usage f",
            "etcd-backup diff f g",
            "etcd-backup retention --dry-run s3://b --plan a/b",
            "etcd-backup version",
            "etcd-backup completion bash",
            "etcd-backup man d",
            "etcd-backup kubectl status",
            "etcd-backup kubectl status prod -n kube-system --context c",
            "etcd-backup kubectl now prod --wait --timeout 5m --pin",
            "etcd-backup kubectl pin a b --kubeconfig f",
            "etcd-backup kubectl unpin a",
            "etcd-backup kubectl drill prod",
            "etcd-backup kubectl --context c -n kube-system drill prod",
        ] {
            assert!(cli(line).is_ok(), "{line}");
        }
    }

    /// etcd's keys are bytes, and a shell can type them: `$'\xff'`.
    #[test]
    fn a_key_need_not_be_text() {
        let key = OsStr::from_bytes(b"bin\xff\x01");
        for words in [
            ["inspect", "get", "f"].map(OsStr::new).to_vec(),
            ["inspect", "history", "f"].map(OsStr::new).to_vec(),
            ["inspect", "keys", "f", "--after"].map(OsStr::new).to_vec(),
            ["inspect", "keys", "f", "--prefix"].map(OsStr::new).to_vec(),
            ["inspect", "usage", "f", "--prefix"].map(OsStr::new).to_vec(),
            ["diff", "f", "g", "--prefix"].map(OsStr::new).to_vec(),
        ] {
            let line = [OsStr::new("etcd-backup")]
                .into_iter()
                .chain(words.clone())
                .chain([key]);
            assert!(command().try_get_matches_from(line).is_ok(), "{words:?}");
        }
    }

    #[test]
    fn an_empty_path_is_none_as_for_etcdctl() {
        let cli = cli("etcd-backup snapshot save f --cacert= --cert= --key= --s3-cacert=").unwrap();
        assert!(cli.connection.config().unwrap().tls.is_none());
    }

    #[test]
    fn flags_about_etcd_are_shown_only_where_they_do_something() {
        let help = |line: &str| cli(line).expect_err(line).to_string();
        assert!(help("etcd-backup snapshot save --help").contains("--endpoints"));
        for line in [
            "etcd-backup operator --help",
            "etcd-backup version --help",
            "etcd-backup snapshot status --help",
            "etcd-backup snapshot restore --help",
            "etcd-backup inspect --help",
            "etcd-backup agent --help",
        ] {
            assert!(!help(line).contains("--endpoints"), "{line}");
        }
        assert!(help("etcd-backup snapshot status --help").contains("--write-out"));
        assert!(!help("etcd-backup operator --help").contains("--write-out"));
        assert!(help("etcd-backup --help").contains("Exit codes"));
    }
}
