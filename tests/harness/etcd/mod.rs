//! Real etcd clusters.
//!
//! ```no_run
//! # use harness::etcd::{Etcd, Version};
//! # async fn example() -> anyhow::Result<()> {
//! let etcd = Etcd::start(Version::V3_6).members(3).tls().auth("root", "secret").await?;
//! etcd.client().await?.put("key", "value", None).await?;
//! etcd.member(1).kill()?;
//! # Ok(())
//! # }
//! ```

mod member;
mod partition;
mod start;

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
pub use member::Member;
pub use start::Start;
use tempfile::TempDir;

use crate::tls::{Authority, Files, Pair};

/// A minor release of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 3.4: upstream no longer maintains it, but its snapshots are around. It has no `etcdutl`.
    V3_4,
    /// 3.5
    V3_5,
    /// 3.6
    V3_6,
    /// 3.7
    V3_7,
}

impl Version {
    /// All that backups are tested against.
    pub const ALL: [Self; 3] = [Self::V3_5, Self::V3_6, Self::V3_7];

    /// The folder below `tools/` that pins it.
    pub fn set(self) -> &'static str {
        match self {
            Self::V3_4 => "etcd-3.4",
            Self::V3_5 => "etcd-3.5",
            Self::V3_6 => "etcd-3.6",
            Self::V3_7 => "etcd-3.7",
        }
    }

    /// The flag to run without waiting for the disk, where there is one: a test's data need not outlive a power cut, and some
    /// disks take long to promise it.
    pub fn unsafe_no_fsync(self) -> Option<&'static str> {
        (self != Self::V3_4).then_some("--unsafe-no-fsync")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.set().trim_start_matches("etcd-"))
    }
}

/// A cluster; its members end when it is dropped.
#[derive(Debug)]
pub struct Etcd {
    /// The release it runs.
    pub version: Version,
    /// Certificates, when it speaks TLS.
    pub tls: Option<Tls>,
    /// User and password, when authentication is on.
    pub auth: Option<(String, String)>,
    members: Vec<Member>,
    folder: TempDir,
}

/// The certificates of a cluster.
#[derive(Debug)]
pub struct Tls {
    /// Who signed them.
    pub authority: Authority,
    /// The authority's certificate as a file.
    pub ca: PathBuf,
    /// A client's certificate, which the members insist on.
    pub client: Pair,
    /// The same, as files.
    pub client_files: Files,
    /// The members' certificate, as files.
    pub server_files: Files,
}

impl Etcd {
    /// Describes a cluster of one member; awaiting the description starts it.
    pub fn start(version: Version) -> Start {
        Start::new(version)
    }

    /// One member, counted from 0.
    ///
    /// # Panics
    /// When there is no such member.
    pub fn member(&self, index: usize) -> &Member {
        &self.members[index]
    }

    /// All members.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The client URL of every member.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(Member::endpoint).collect()
    }

    /// A client of the whole cluster.
    pub async fn client(&self) -> Result<Client> {
        self.connect(&self.endpoints()).await
    }

    /// A client of one member.
    pub async fn client_of(&self, index: usize) -> Result<Client> {
        self.connect(&[self.member(index).endpoint()]).await
    }

    /// A folder for the test's own files; it goes with the cluster.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Gives members and clients certificates of a new authority, for 127.0.0.1. Members that run know them only after
    /// they were started again.
    pub fn renew_certificates(&mut self) -> Result<()> {
        self.tls = Some(start::tls(self.folder.path(), &["127.0.0.1".to_owned()])?);
        Ok(())
    }

    async fn connect(&self, endpoints: &[String]) -> Result<Client> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(20));
        if let Some(tls) = &self.tls {
            let identity = Identity::from_pem(&tls.client.cert, &tls.client.key);
            let authority = Certificate::from_pem(tls.authority.pem());
            options = options.with_tls(TlsOptions::new().ca_certificate(authority).identity(identity));
        }
        if let Some((user, password)) = &self.auth {
            options = options.with_user(user, password);
        }
        Client::connect(endpoints, Some(options))
            .await
            .with_context(|| format!("connect to etcd at {endpoints:?}"))
    }

    async fn enable_auth(&mut self, user: String, password: String) -> Result<()> {
        let mut client = self.client().await?;
        client
            .user_add(&*user, &*password, None)
            .await
            .context("add the user")?;
        client
            .user_grant_role(&*user, "root")
            .await
            .context("grant the role root")?;
        if user != "root" {
            // etcd enables authentication only when a user named root exists.
            client
                .user_add("root", &*password, None)
                .await
                .context("add the user root")?;
            client
                .user_grant_role("root", "root")
                .await
                .context("grant the role root")?;
        }
        client.auth_enable().await.context("enable authentication")?;
        self.auth = Some((user, password));
        Ok(())
    }
}
