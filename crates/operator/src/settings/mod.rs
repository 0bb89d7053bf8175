//! Flags and environment of `etcd-backup operator`. The only place of this crate that reads either.

mod size;
#[cfg(test)]
mod tests;
mod validate;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use etcd_backup_dial::DialPolicy;
use ipnet::IpNet;

pub use size::{ByteSize, ByteSizeError};
pub use validate::SettingsError;

/// What an administrator sets for one process.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Operator")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, as an administrator gives it")]
#[rustfmt::skip]
pub struct Settings {
    /// Watch only this namespace; may be given several times. Without it: all namespaces. While one of them does not exist, the log and /readyz say so.
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

    /// Snapshots taken at the same time; of one namespace, one less (the last place is for another).
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

    /// Lend the operator's own cloud credentials (an instance role, a web identity, …) to plans that name none of their own. With `false` such plans are refused, and so are
    /// restores from such stores; say so where not everybody who writes plans may use every bucket that those credentials open.
    #[arg(long, env = "ETCD_BACKUP_AMBIENT_CREDENTIALS", action = ArgAction::Set, default_value_t = true, num_args = 0..=1,
          default_missing_value = "true", require_equals = true, value_name = "BOOL")]
    pub ambient_credentials: bool,

    /// Let plans store into directories below this one; may be given several times. Without it no plan may use `storage.local`.
    #[arg(long = "local-store-root", env = "ETCD_BACKUP_LOCAL_STORE_ROOT", value_name = "PATH", value_delimiter = ',')]
    pub local_store_roots: Vec<PathBuf>,

    /// How often each plan's part of the store is listed again, besides after every run.
    #[arg(long, env = "ETCD_BACKUP_CATALOGUE_RESYNC", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub catalogue_resync: Duration,

    /// How long a plan or a snapshot that is deleted, with `deletionPolicy: Delete`, waits for its store. After that the object goes, and an event says what is left in the store.
    #[arg(long, env = "ETCD_BACKUP_DELETION_TIMEOUT", value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub deletion_timeout: Duration,

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

    /// Which logs are written: error, warn, info, debug, trace, or filters such as `info,etcd_backup_store=debug`. How the
    /// AWS SDK looks for credentials, and which requests to the API server fail, is only written where it is named:
    /// `info,aws_config=warn,kube_client::client::builder=error`.
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

fn duration(text: &str) -> Result<Duration, etcd_backup_api::ParseDurationError> {
    text.parse::<etcd_backup_api::Duration>().map(Into::into)
}

impl Settings {
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
