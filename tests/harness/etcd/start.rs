//! Describing and starting a cluster.

use std::{
    fs,
    future::{Future, IntoFuture},
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result};

use super::{Etcd, Member, Tls, Version};
use crate::{binaries, etcdutl::Membership, ports, restorer::Restorer, scratch, tls::Authority};

/// What a cluster shall be. Await it to start the cluster.
#[derive(Debug, Clone)]
#[must_use = "a cluster starts when its description is awaited"]
pub struct Start {
    version: Version,
    members: usize,
    tls_names: Option<Vec<String>>,
    auth: Option<(String, String)>,
    arguments: Vec<String>,
    separable: bool,
    snapshot: Option<(Restorer, PathBuf)>,
    host: String,
    data: Option<&'static str>,
}

impl Start {
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            members: 1,
            tls_names: None,
            auth: None,
            arguments: Vec::new(),
            separable: false,
            snapshot: None,
            host: "127.0.0.1".to_owned(),
            data: None,
        }
    }

    /// Clients find the members at this address of the machine instead of loopback. Members find each other on loopback
    /// all the same.
    pub fn at(self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            ..self
        }
    }

    /// The only member keeps its data in this folder below that of the cluster, instead of one of its own name.
    pub fn data_in(self, folder: &'static str) -> Self {
        Self {
            data: Some(folder),
            ..self
        }
    }

    /// How many members.
    pub fn members(self, members: usize) -> Self {
        Self { members, ..self }
    }

    /// TLS between client and members, with a client certificate demanded. The members' certificate is for
    /// `localhost`, `127.0.0.1` and `etcd.test`.
    pub fn tls(self) -> Self {
        self.tls_for(&["localhost", "127.0.0.1", "etcd.test"])
    }

    /// The same, with a certificate for these names only.
    pub fn tls_for(self, names: &[&str]) -> Self {
        Self {
            tls_names: Some(names.iter().map(ToString::to_string).collect()),
            ..self
        }
    }

    /// Authentication on, with a user that may do everything.
    pub fn auth(self, user: &str, password: &str) -> Self {
        Self {
            auth: Some((user.to_owned(), password.to_owned())),
            ..self
        }
    }

    /// One more flag for every member, such as `--quota-backend-bytes=16777216`.
    pub fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Members that reach each other through proxies, so that [`Etcd::cut_off`] can separate one from the others.
    pub fn separable(self) -> Self {
        Self {
            separable: true,
            ..self
        }
    }

    /// Starts from a snapshot that this release's own `etcdutl` restores for every member.
    pub fn restored_from(self, snapshot: &Path) -> Self {
        self.restored_by(Restorer::Etcdutl, snapshot)
    }

    /// Starts from a snapshot that is restored for every member.
    pub fn restored_by(self, restorer: Restorer, snapshot: &Path) -> Self {
        Self {
            snapshot: Some((restorer, snapshot.to_path_buf())),
            ..self
        }
    }

    async fn start(self) -> Result<Etcd> {
        let folder = scratch::folder("etcd")?;
        let tls = self
            .tls_names
            .as_deref()
            .map(|names| tls(folder.path(), names))
            .transpose()?;
        let program = binaries::tool(self.version.set(), "etcd")?;
        let members = self.plan(&program, folder.path(), tls.as_ref())?;
        let mut etcd = Etcd {
            version: self.version,
            tls,
            auth: None,
            members,
            folder,
        };
        for member in etcd.members() {
            member.launch()?;
        }
        for member in etcd.members() {
            member.ready().await?;
        }
        if let Some((user, password)) = self.auth {
            etcd.enable_auth(user, password).await?;
        }
        Ok(etcd)
    }

    /// Ports, folders and flags of every member; restored data where asked for.
    fn plan(&self, program: &Path, folder: &Path, tls: Option<&Tls>) -> Result<Vec<Member>> {
        let token = token();
        let mut members = Vec::new();
        for index in 0..self.members {
            members.push(Member::new(
                format!("m{index}"),
                &self.host,
                tls.is_some(),
                self.separable,
                folder,
            )?);
        }
        if let (Some(data), [member]) = (self.data, members.as_mut_slice()) {
            member.data = folder.join(data);
        }
        let peers: Vec<_> = members
            .iter()
            .map(|m: &Member| format!("{}={}", m.name, m.peer_url()))
            .collect();
        let peers = peers.join(",");
        for member in &mut members {
            if let Some((restorer, snapshot)) = &self.snapshot {
                let peer_url = member.peer_url();
                let membership = Membership {
                    name: &member.name,
                    initial_cluster: &peers,
                    token: &token,
                    peer_url: &peer_url,
                };
                restorer.restore(self.version, snapshot, member.data(), &membership)?;
            }
            let mut command = Command::new(program);
            command.args(["--initial-cluster", &peers, "--initial-cluster-token", &token]);
            command.args(self.version.unsafe_no_fsync());
            if let Some(tls) = tls {
                command
                    .arg("--client-cert-auth")
                    .arg("--trusted-ca-file")
                    .arg(&tls.ca);
                command.arg("--cert-file").arg(&tls.server_files.cert);
                command.arg("--key-file").arg(&tls.server_files.key);
            }
            member.runs(command, &self.arguments);
        }
        Ok(members)
    }
}

impl IntoFuture for Start {
    type Output = Result<Etcd>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let what = format!("start etcd {} with {} members", self.version, self.members);
            self.start().await.context(what)
        })
    }
}

/// A cluster id derives from names, URLs and this: two clusters shall never have the same.
fn token() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn tls(folder: &Path, names: &[String]) -> Result<Tls> {
    let authority = Authority::new("etcd-test-ca")?;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let server_files = authority.server(&names)?.write(folder, "server")?;
    let client = authority.client("etcd-test-client")?;
    let client_files = client.write(folder, "client")?;
    let ca = folder.join("ca.crt");
    fs::write(&ca, authority.pem()).context("write the authority's certificate")?;
    Ok(Tls {
        authority,
        ca,
        client,
        client_files,
        server_files,
    })
}

/// Every port a member needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) peer: u16,
    pub(super) metrics: u16,
}

impl Ports {
    pub(super) fn free() -> Result<Self> {
        Ok(Self {
            client: ports::free()?,
            peer: ports::free()?,
            metrics: ports::free()?,
        })
    }
}
