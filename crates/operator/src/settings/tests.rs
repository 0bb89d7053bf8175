//! What an administrator may set, and what is refused.

use clap::Parser;
use etcd_backup_dial::parse_url;

use super::*;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    settings: Settings,
}

fn parse(flags: &[&str]) -> Result<Settings, clap::Error> {
    let base = ["operator", "--leader-elect-namespace=system"];
    Command::try_parse_from(base.iter().chain(flags)).map(|command| command.settings)
}

fn refusal(flags: &[&str]) -> String {
    parse(flags).unwrap().validate().unwrap_err().to_string()
}

#[test]
fn the_defaults_are_valid_and_safe() {
    let settings = parse(&[]).unwrap();
    settings.validate().unwrap();
    assert!(settings.leader_elect && settings.watch_namespaces.is_empty());
    assert_eq!(settings.max_concurrent_runs, 4);
    let elsewhere = etcd_backup_backup::write::Limits::default().spool;
    assert_eq!(
        (settings.spool_memory.0, settings.spool_max_bytes.0),
        (elsewhere.memory as u64, elsewhere.disk),
        "as `snapshot save` has it"
    );
    let policy = settings.dial_policy();
    assert!(policy.check_ip("127.0.0.1".parse().unwrap()).is_err());
    assert!(policy.check_ip("169.254.169.254".parse().unwrap()).is_err());
    assert!(
        policy
            .check_url(&parse_url("https://kubernetes.default.svc").unwrap())
            .is_err()
    );
    assert!(policy.check_ip("10.1.2.3".parse().unwrap()).is_ok());
}

#[test]
fn the_api_server_stays_out_of_reach_even_in_an_allowed_range() {
    let settings = parse(&[
        "--allow-endpoint-cidr=127.0.0.0/8,10.96.0.0/12",
        "--api-server-host=10.96.0.1",
    ])
    .unwrap();
    assert!(
        settings
            .dial_policy()
            .check_ip("127.0.0.1".parse().unwrap())
            .is_ok()
    );
    assert!(
        settings
            .dial_policy()
            .check_ip("10.96.0.1".parse().unwrap())
            .is_err()
    );
}

#[test]
fn leader_election_can_be_turned_off_and_needs_a_namespace_otherwise() {
    let off = Command::try_parse_from(["operator", "--leader-elect=false"])
        .unwrap()
        .settings;
    assert!(!off.leader_elect);
    off.validate().unwrap();
    let mut on = off;
    (on.leader_elect, on.leader_elect_namespace) = (true, None);
    assert_eq!(on.validate(), Err(SettingsError::LeaseNamespaceMissing));
}

#[test]
fn contradictions_name_the_flag() {
    for (flags, named) in [
        (vec!["--watch-namespace=Prod"], "--watch-namespace"),
        (vec!["--watch-namespace=a,-b"], "--watch-namespace"),
        (vec!["--lease-duration=10s"], "--lease-duration"),
        (vec!["--lease-retry-period=6s"], "--lease-renew-deadline"),
        (vec!["--lease-retry-period=0s"], "--lease-retry-period"),
        (vec!["--catalogue-resync=0s"], "--catalogue-resync"),
        (vec!["--deletion-timeout=0s"], "--deletion-timeout"),
        (vec!["--local-store-root=/"], "--local-store-root"),
        (vec!["--restore-host-path-root=/"], "--restore-host-path-root"),
        (vec!["--local-store-root=backups"], "--local-store-root"),
        (vec!["--local-store-root=/var/../etc"], "--local-store-root"),
        (
            vec!["--ambient-credentials-endpoint=http://minio:9000"],
            "--ambient-credentials-endpoint",
        ),
        (
            vec!["--ambient-credentials-endpoint=minio"],
            "--ambient-credentials-endpoint",
        ),
    ] {
        let message = refusal(&flags);
        assert!(message.contains(named), "{flags:?}: {message}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_by_the_parser() {
    for flag in [
        "--max-concurrent-runs=0",
        "--max-concurrent-runs=65",
        "--allow-endpoint-cidr=10.0.0.0/33",
        "--spool-memory=64MB",
        "--spool-memory=99999999999Gi",
        "--lease-duration=15",
        "--metrics-bind-address=:8080",
        "--log-format=xml",
    ] {
        assert!(parse(&[flag]).is_err(), "{flag}");
    }
}
