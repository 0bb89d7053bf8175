//! etcdctl's flags about etcd, and what they mean for us.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use etcd_backup_etcd::{Auth, Config, DialPolicy, Timeouts, Tls};

use crate::{
    exit::{Exit, Failure},
    go_duration,
    path::path,
};

/// The heading of these flags in `--help`.
pub(crate) const HEADING: &str = "etcd";

/// How to reach etcd. Names, environment variables and defaults are etcdctl's where it has the flag.
#[derive(Debug, Args)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Connection {
    /// Client URLs of the members; one of them is chosen
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_ENDPOINTS",
        value_delimiter = ',',
        default_value = "127.0.0.1:2379",
        value_name = "URL"
    )]
    pub(crate) endpoints: Vec<String>,

    /// Certificates of the CA that signed the members' certificates
    #[arg(long, global = true, env = "ETCDCTL_CACERT", value_parser = path(), value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,

    /// Client certificate
    #[arg(long, global = true, env = "ETCDCTL_CERT", value_parser = path(), value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Key of the client certificate
    #[arg(long, global = true, env = "ETCDCTL_KEY", value_parser = path(), value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,

    /// Name in the members' certificates, where it is not the endpoint's host
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tls_server_name: Option<String>,

    /// User, as NAME or NAME:PASSWORD; it needs the role root
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_USER",
        hide_env_values = true,
        value_name = "NAME[:PASSWORD]"
    )]
    pub(crate) user: Option<String>,

    /// The user's password; better given by the environment, where other users do not see it
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub(crate) password: Option<String>,

    /// Time to connect to a member
    #[arg(long, global = true, env = "ETCDCTL_DIAL_TIMEOUT", default_value = "2s", value_parser = go_duration::parse, value_name = "DURATION")]
    pub(crate) dial_timeout: Duration,

    /// Time for each short request. Longer than etcdctl's, so that etcd has the time to say that it has no quorum
    #[arg(long, global = true, env = "ETCDCTL_COMMAND_TIMEOUT", default_value = "10s", value_parser = go_duration::parse, value_name = "DURATION")]
    pub(crate) command_timeout: Duration,

    /// A snapshot that brings no byte for so long has stalled
    #[arg(long, global = true, default_value = "30s", value_parser = go_duration::parse, value_name = "DURATION")]
    pub(crate) idle_timeout: Duration,

    /// Time after which a silent connection is asked for a sign of life
    #[arg(long, global = true, env = "ETCDCTL_KEEPALIVE_TIME", default_value = "10s", value_parser = go_duration::parse, value_name = "DURATION")]
    pub(crate) keepalive_time: Duration,

    /// Time for that sign
    #[arg(long, global = true, env = "ETCDCTL_KEEPALIVE_TIMEOUT", default_value = "6s", value_parser = go_duration::parse, value_name = "DURATION")]
    pub(crate) keepalive_timeout: Duration,
}

impl Connection {
    /// Reads the files and puts everything together.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let tls = self.tls()?;
        Ok(Config {
            endpoints: self
                .endpoints
                .iter()
                .map(|e| with_scheme(e.trim(), tls.is_some()))
                .collect(),
            tls,
            auth: self.auth()?,
            // Whoever types the command may connect anywhere already.
            policy: DialPolicy::allow_all(),
            timeouts: Timeouts {
                connect: self.dial_timeout,
                request: self.command_timeout,
                idle: self.idle_timeout,
                keepalive_interval: self.keepalive_time,
                keepalive_timeout: self.keepalive_timeout,
                ..Timeouts::default()
            },
        })
    }

    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let read = |path: &Option<PathBuf>| match path {
            // etcdctl takes an empty path for none.
            Some(path) if !path.as_os_str().is_empty() => fs::read(path).map(Some).map_err(|error| {
                Failure::new(Exit::Usage, format!("cannot read {}: {error}", path.display()))
            }),
            _ => Ok(None),
        };
        let tls = Tls {
            ca_pem: read(&self.cacert)?,
            cert_pem: read(&self.cert)?,
            key_pem: read(&self.key)?,
            server_name: self.tls_server_name.clone(),
        };
        let given = tls.ca_pem.is_some()
            || tls.cert_pem.is_some()
            || tls.key_pem.is_some()
            || tls.server_name.is_some();
        Ok(given.then_some(tls))
    }

    fn auth(&self) -> Result<Option<Auth>, Failure> {
        let Some(user) = self.user.as_deref().filter(|user| !user.is_empty()) else {
            return Ok(None);
        };
        // As etcdctl: with --password the whole of --user is the name.
        let (username, password) = match (&self.password, user.split_once(':')) {
            (Some(password), _) => (user, password.as_str()),
            (None, Some((username, password))) => (username, password),
            (None, None) => {
                return Err(Failure::new(Exit::Usage, "a user is given and no password")
                    .hint("set ETCDCTL_PASSWORD, or give --password"));
            }
        };
        Ok(Some(Auth {
            username: username.to_owned(),
            password: password.to_owned(),
        }))
    }
}

/// etcdctl takes `host:port` and speaks TLS to it when it has certificates.
fn with_scheme(endpoint: &str, tls: bool) -> String {
    match (endpoint.contains("://"), tls) {
        (true, _) => endpoint.to_owned(),
        (false, true) => format!("https://{endpoint}"),
        (false, false) => format!("http://{endpoint}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        connection: Connection,
    }

    fn config(line: &[&str]) -> Result<Config, Failure> {
        let line = std::iter::once("etcd-backup").chain(line.iter().copied());
        Line::try_parse_from(line).unwrap().connection.config()
    }

    #[test]
    fn endpoints_without_scheme_follow_the_certificates() {
        assert_eq!(
            config(&["--endpoints", "a:2379,https://b:2379"])
                .unwrap()
                .endpoints,
            ["http://a:2379", "https://b:2379"]
        );
        assert_eq!(
            config(&["--endpoints=a:2379", "--tls-server-name=x"])
                .unwrap()
                .endpoints,
            ["https://a:2379"]
        );
    }

    #[test]
    fn users_are_read_as_by_etcdctl() {
        let auth = |line: &[&str]| {
            config(line)
                .unwrap()
                .auth
                .map(|auth| (auth.username, auth.password))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(auth(&["--user=root:a:b"]), pair("root", "a:b"));
        assert_eq!(auth(&["--user=ro:ot", "--password=x"]), pair("ro:ot", "x"));
        assert_eq!(auth(&["--user="]), None);
        assert!(config(&["--user=root"]).is_err());
    }

    #[test]
    fn a_missing_file_is_named() {
        let failure = config(&["--cacert=/does/not/exist.pem"]).unwrap_err();
        assert!(format!("{failure:?}").contains("/does/not/exist.pem"));
    }
}
