//! Flags and environment of `etcd-backup operator`. The only place of this crate that reads either.

use std::fmt;
use std::net::SocketAddr;
use std::num::ParseIntError;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use etcd_backup_dial::{DialPolicy, DialRefused, parse_url};
use ipnet::IpNet;
use thiserror::Error;

/// What an administrator sets for one process.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Operator")]
#[rustfmt::skip]
pub struct Settings {
    /// Watch only this namespace; may be given several times. Without it: all namespaces.
    #[arg(long = "watch-namespace", env = "ETCD_BACKUP_WATCH_NAMESPACE", value_name = "NAMESPACE", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// Where /metrics answers.
    #[arg(long, env = "ETCD_BACKUP_METRICS_BIND_ADDRESS", value_name = "IP:PORT", default_value = "0.0.0.0:8080")]
    pub metrics_bind_address: SocketAddr,

    /// Where /healthz and /readyz answer. May be the address of the metrics.
    #[arg(long, env = "ETCD_BACKUP_HEALTH_BIND_ADDRESS", value_name = "IP:PORT", default_value = "0.0.0.0:8081")]
    pub health_bind_address: SocketAddr,

    /// Elect a leader by a Lease. Turn it off only where no second operator can run.
    #[arg(long, env = "ETCD_BACKUP_LEADER_ELECT", action = ArgAction::Set, default_value_t = true, num_args = 0..=1,
          default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub leader_elect: bool,

    /// Namespace of the Lease: the operator's own.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE")]
    pub leader_elect_namespace: Option<String>,

    /// Name of the Lease.
    #[arg(long, env = "ETCD_BACKUP_LEADER_ELECT_LEASE_NAME", value_name = "NAME", default_value = "etcd-backup-operator")]
    pub leader_elect_lease_name: String,

    /// How long others wait for a silent leader before they take over.
    #[arg(long, env = "ETCD_BACKUP_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,

    /// How long a leader that cannot renew goes on. The difference to the lease duration is the margin of safety.
    #[arg(long, env = "ETCD_BACKUP_LEASE_RENEW_DEADLINE", value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub lease_renew_deadline: Duration,

    /// How often the lease is renewed or looked at.
    #[arg(long, env = "ETCD_BACKUP_LEASE_RETRY_PERIOD", value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub lease_retry_period: Duration,

    /// Snapshots taken at the same time.
    #[arg(long, env = "ETCD_BACKUP_MAX_CONCURRENT_RUNS", value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub max_concurrent_runs: u16,

    /// How long the process may go on after SIGTERM: runs may end by themselves in the first half, the second is kept for cleaning up after those that
    /// did not. Stay below the pod's terminationGracePeriodSeconds.
    #[arg(long, env = "ETCD_BACKUP_SHUTDOWN_GRACE", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub shutdown_grace: Duration,

    /// Directory for snapshot data that the store does not take as fast as etcd gives it. Without it: memory only.
    #[arg(long, env = "ETCD_BACKUP_SPOOL_DIR", value_name = "PATH")]
    pub spool_dir: Option<PathBuf>,

    /// Memory of one run for such data before the directory is used.
    #[arg(long, env = "ETCD_BACKUP_SPOOL_MEMORY", value_name = "SIZE", default_value = "8Mi")]
    pub spool_memory: ByteSize,

    /// The most that one run may put into the directory. A run that needs more fails.
    #[arg(long, env = "ETCD_BACKUP_SPOOL_MAX_BYTES", value_name = "SIZE", default_value = "8Gi")]
    pub spool_max_bytes: ByteSize,

    /// Let plans name addresses in this range, which the default refuses (loopback, link-local, metadata, …); may be given several times.
    #[arg(long = "allow-endpoint-cidr", env = "ETCD_BACKUP_ALLOW_ENDPOINT_CIDR", value_name = "CIDR", value_delimiter = ',')]
    pub allow_endpoint_cidrs: Vec<IpNet>,

    /// Send the operator's own cloud credentials to this endpoint too (`https://host[:port]`), not only to Amazon; may be given several times.
    #[arg(long = "ambient-credentials-endpoint", env = "ETCD_BACKUP_AMBIENT_CREDENTIALS_ENDPOINT", value_name = "URL", value_delimiter = ',')]
    pub ambient_credentials_endpoints: Vec<String>,

    /// Let plans store into directories below this one; may be given several times. Without it no plan may use `storage.local`.
    #[arg(long = "local-store-root", env = "ETCD_BACKUP_LOCAL_STORE_ROOT", value_name = "PATH", value_delimiter = ',')]
    pub local_store_roots: Vec<PathBuf>,

    /// How often each plan's part of the store is listed again, besides after every run.
    #[arg(long, env = "ETCD_BACKUP_CATALOGUE_RESYNC", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub catalogue_resync: Duration,

    /// Carry out EtcdRestores. It needs rights over Jobs, pods and StatefulSets: see config/components/restore.
    #[arg(long, env = "ETCD_BACKUP_ENABLE_RESTORE", action = ArgAction::Set, default_value_t = false, num_args = 0..=1,
          default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub enable_restore: bool,

    /// Let Jobs take snapshots, for plans with `runner.type: Job`, and drill, for those with `verification: Restore`. It needs rights over Jobs and pods: see config/components/jobs. With
    /// --enable-restore they are allowed too: the rights are the same.
    #[arg(long, env = "ETCD_BACKUP_ENABLE_JOBS", action = ArgAction::Set, default_value_t = false, num_args = 0..=1,
          default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub enable_jobs: bool,

    /// The image of the pods of Jobs. Without it: the image of the operator's own pod, POD_NAME in POD_NAMESPACE.
    #[arg(long, env = "ETCD_BACKUP_AGENT_IMAGE", value_name = "IMAGE")]
    pub agent_image: Option<String>,

    /// Let restores write into directories of nodes below this one, as root; may be given several times. Without it no restore may use `hostPath`.
    #[arg(long = "restore-host-path-root", env = "ETCD_BACKUP_RESTORE_HOST_PATH_ROOT", value_name = "PATH", value_delimiter = ',')]
    pub restore_host_path_roots: Vec<PathBuf>,

    /// How logs are written.
    #[arg(long, env = "ETCD_BACKUP_LOG_FORMAT", value_name = "FORMAT", default_value = "human")]
    pub log_format: LogFormat,

    /// Which logs are written: error, warn, info, debug, trace, or filters such as `info,etcd_backup_store=debug`.
    #[arg(long, env = "ETCD_BACKUP_LOG_LEVEL", value_name = "FILTER", default_value = "info")]
    pub log_level: String,

    /// Name of this pod, part of the leader's identity and of a run's owner.
    #[arg(long, env = "POD_NAME", value_name = "NAME", default_value = "etcd-backup-operator")]
    pub pod_name: String,

    /// Host of the API server, which no plan may name as an endpoint.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true)]
    pub api_server_host: Option<String>,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Human,
}

/// A number of bytes, written as Kubernetes writes memory: `512Ki`, `64Mi`, `2Gi`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// The text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ByteSizeError {
    /// No number before the unit.
    #[error("not a size: expected a number of bytes with Ki, Mi or Gi, such as 64Mi")]
    Number(#[source] ParseIntError),
    /// More than a machine can count.
    #[error("the size is too large")]
    TooLarge,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let units = [("Ki", 1_u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];
        let (digits, scale) = units
            .iter()
            .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)))
            .unwrap_or((text, 1));
        let number: u64 = digits.parse().map_err(ByteSizeError::Number)?;
        number.checked_mul(scale).map(Self).ok_or(ByteSizeError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn duration(text: &str) -> Result<Duration, etcd_backup_api::ParseDurationError> {
    text.parse::<etcd_backup_api::Duration>().map(Into::into)
}

/// Settings that contradict each other or cannot work. Each message names the flag.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// Not a Kubernetes namespace.
    #[error("--{flag}: {value:?} is not the name of a namespace")]
    Namespace {
        /// The flag without dashes.
        flag: &'static str,
        /// What was given.
        value: String,
    },
    /// Leader election without a place for its Lease.
    #[error(
        "leader election needs a namespace: set --leader-elect-namespace or POD_NAMESPACE, or --leader-elect=false"
    )]
    LeaseNamespaceMissing,
    /// The three times of the Lease are in the wrong order.
    #[error(
        "--lease-duration must be longer than --lease-renew-deadline, and that at least twice --lease-retry-period, which must not be 0s"
    )]
    LeaseTimes,
    /// A duration of nothing.
    #[error("--{flag} must be longer than 0s")]
    ZeroDuration {
        /// The flag without dashes.
        flag: &'static str,
    },
    /// A root for local stores that would allow everything or means different things in different places.
    #[error("--local-store-root: {} is not an absolute path of a directory below /, without . and ..", path.display())]
    LocalRoot {
        /// What was given.
        path: PathBuf,
    },
    /// A root for restores that would allow everything or means different things in different places.
    #[error("--restore-host-path-root: {} is not an absolute path of a directory below /, without . and ..", path.display())]
    HostPathRoot {
        /// What was given.
        path: PathBuf,
    },
    /// An endpoint for ambient credentials that is not one.
    #[error("--ambient-credentials-endpoint: {source}")]
    AmbientEndpoint {
        /// Why not.
        source: DialRefused,
    },
    /// The operator's credentials must not travel unencrypted.
    #[error("--ambient-credentials-endpoint: only https:// endpoints may get the operator's own credentials")]
    AmbientEndpointPlain,
}

impl Settings {
    /// Checks what clap cannot: relations between flags, and names.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for namespace in &self.watch_namespaces {
            check_namespace("watch-namespace", namespace)?;
        }
        if self.leader_elect {
            let namespace = self
                .leader_elect_namespace
                .as_deref()
                .ok_or(SettingsError::LeaseNamespaceMissing)?;
            check_namespace("leader-elect-namespace", namespace)?;
        }
        // Twice: one request may be lost without losing the lead.
        let ordered = self.lease_duration > self.lease_renew_deadline
            && self.lease_renew_deadline >= self.lease_retry_period * 2
            && !self.lease_retry_period.is_zero();
        if !ordered {
            return Err(SettingsError::LeaseTimes);
        }
        if self.catalogue_resync.is_zero() {
            return Err(SettingsError::ZeroDuration {
                flag: "catalogue-resync",
            });
        }
        if let Some(path) = self.local_store_roots.iter().find(|path| !is_usable_root(path)) {
            return Err(SettingsError::LocalRoot { path: path.clone() });
        }
        if let Some(path) = self
            .restore_host_path_roots
            .iter()
            .find(|path| !is_usable_root(path))
        {
            return Err(SettingsError::HostPathRoot { path: path.clone() });
        }
        for endpoint in &self.ambient_credentials_endpoints {
            let url = parse_url(endpoint).map_err(|source| SettingsError::AmbientEndpoint { source })?;
            if url.scheme() != "https" {
                return Err(SettingsError::AmbientEndpointPlain);
            }
        }
        Ok(())
    }

    /// Where plans may connect to: not to this machine, not to metadata services, and not to the API server of
    /// the cluster, for which the operator holds a token.
    pub fn dial_policy(&self) -> DialPolicy {
        let names = [
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        let denied = names.into_iter().chain(self.api_server_host.as_deref());
        DialPolicy::new(self.allow_endpoint_cidrs.clone(), denied)
    }
}

/// RFC 1123 label, as Kubernetes demands of a namespace.
fn check_namespace(flag: &'static str, value: &str) -> Result<(), SettingsError> {
    let inner = value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let ends = !value.starts_with('-') && !value.ends_with('-');
    if inner && ends && (1..=63).contains(&value.len()) {
        Ok(())
    } else {
        Err(SettingsError::Namespace {
            flag,
            value: value.to_owned(),
        })
    }
}

fn is_usable_root(path: &Path) -> bool {
    let plain = |component: Component<'_>| matches!(component, Component::RootDir | Component::Normal(_));
    path.is_absolute() && path.components().count() > 1 && path.components().all(plain)
}

#[cfg(test)]
impl Settings {
    /// The defaults, without an election.
    pub(crate) fn for_tests() -> Self {
        #[derive(Debug, clap::Parser)]
        struct Command {
            #[command(flatten)]
            settings: Settings,
        }
        <Command as clap::Parser>::parse_from(["operator", "--leader-elect=false"]).settings
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

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

    #[test]
    fn sizes_are_read_as_kubernetes_writes_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("512Ki", 524_288),
            ("64Mi", 67_108_864),
            ("2Gi", 2_147_483_648),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
        }
    }
}
