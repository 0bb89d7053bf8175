//! By which name the program is called: its own, or that of kubectl's plugin.

use std::{env, ffi::OsString, path::Path};

use clap::{
    CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ErrorKind},
};

use crate::{
    args::{Cli, WITHOUT_RESULT, command, hide},
    commands::kubectl::{self, Kubectl},
    output::Format,
};

/// What kubectl runs for `kubectl etcd-backup`: this binary under another name, in the PATH.
const PLUGIN: &str = "kubectl-etcd_backup";

/// By which name the program was called, and what for.
#[derive(Debug)]
pub(crate) enum Called {
    Program(Box<Cli>),
    Plugin(Plugin),
}

/// The verb `kubectl`, as a plugin of kubectl.
#[derive(Debug, Parser)]
#[command(name = "kubectl etcd-backup", bin_name = "kubectl etcd-backup", version, after_help = kubectl::RIGHTS)]
#[command(about = kubectl::ABOUT, max_term_width = 120)]
pub(crate) struct Plugin {
    /// How the answer is printed
    #[arg(
        short = 'o',
        long = "output",
        global = true,
        value_enum,
        value_name = "FORMAT"
    )]
    pub(crate) format: Option<Format>,

    #[command(flatten)]
    pub(crate) asked: Kubectl,
}

fn plugin() -> clap::Command {
    let mut command = Plugin::command();
    command.build();
    for verb in WITHOUT_RESULT {
        if let ["kubectl", rest @ ..] = verb {
            command = hide(command, rest, |arg| arg.get_id() == "format");
        }
    }
    command
}

/// Reads the command line. Ends the process for `--help`, `--version` and what cannot be understood (exit code 2).
pub(crate) fn parse() -> Called {
    read(env::args_os().collect()).unwrap_or_else(|error| plainly(error).exit())
}

/// Without the advice to pass a flag as a value, behind `--`: whoever types a flag that there is not means a flag, mostly one of
/// etcdctl's. One of ours that is much like it is still named.
fn plainly(mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::Suggested);
    }
    error
}

/// Reads words, the program's own name first.
fn read(words: Vec<OsString>) -> Result<Called, clap::Error> {
    let name = words.first().and_then(|name| Path::new(name).file_stem());
    if name.is_some_and(|name| name == PLUGIN) {
        let matches = plugin().try_get_matches_from(words)?;
        return Plugin::from_arg_matches(&matches).map(Called::Plugin);
    }
    let matches = command().try_get_matches_from(words)?;
    Cli::from_arg_matches(&matches).map(|cli| Called::Program(Box::new(cli)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(line: &str) -> Result<Called, clap::Error> {
        read(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn the_grammar_of_the_plugin_is_sound() {
        Plugin::command().debug_assert();
    }

    #[test]
    fn nobody_is_told_to_pass_a_flag_as_a_value() {
        let said = |line: &str| plainly(called(line).expect_err(line)).to_string();
        let unknown = said("etcd-backup snapshot save f --insecure-transport");
        assert!(
            unknown.contains("--insecure-transport") && !unknown.contains("tip"),
            "{unknown}"
        );
        assert!(said("etcd-backup snapshot save f --endpoint=a:1").contains("--endpoints"));
    }

    #[test]
    fn by_the_name_of_kubectls_plugin_its_verbs_are_those_of_kubectl() {
        let help = |line: &str| called(line).expect_err(line).to_string();
        let now = help("/usr/local/bin/kubectl-etcd_backup now --help");
        assert!(now.contains("Usage: kubectl etcd-backup now "), "{now}");
        assert!(!now.contains("--endpoints") && !now.contains("--output"), "{now}");
        assert!(help("kubectl-etcd_backup status --help").contains("--output"));
        assert!(help("etcd-backup kubectl now --help").contains("Usage: etcd-backup kubectl now "));
        assert!(help("etcd-backup kubectl --help").contains("ln -s"));
        let status = called("kubectl-etcd_backup status -A -o json");
        assert!(matches!(
            status,
            Ok(Called::Plugin(Plugin {
                format: Some(Format::Json),
                ..
            }))
        ));
        assert!(called("kubectl-etcd_backup snapshot status f").is_err());
        assert!(called("etcd-backup kubectl status -A -n other").is_err());
        assert!(called("kubectl-etcd_backup --context c --kubeconfig f -n other now prod").is_ok());
    }
}
