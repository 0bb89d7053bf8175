//! What can be typed, as sentences.

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
