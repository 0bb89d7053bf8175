//! A cluster on directories that we restored.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_snapshot::restore::{
    Control, Request, Restored, Source, Target, cluster::InitialCluster, restore,
};
use etcd_client::{Client, ConnectOptions, GetOptions, ResponseHeader};
use harness::{bbolt, binaries, etcd::Version, ports, process::Process, scratch, wait};
use tempfile::TempDir;

use super::{
    log_of,
    saved::{ROOT, Saved, etcdctl_at},
};

const READY: Duration = Duration::from_secs(40);
const CONNECT: Duration = Duration::from_secs(5);

/// Members that run on restored directories.
pub(crate) struct Cluster {
    pub(crate) restored: Restored,
    version: Version,
    peers: Vec<(String, u16)>,
    clients: Vec<u16>,
    processes: Vec<Process>,
    folder: TempDir,
}

impl Cluster {
    /// Restores a snapshot for so many members, and starts them.
    pub(crate) async fn start(
        saved: &Saved,
        version: Version,
        members: usize,
        change: impl FnOnce(&mut Request),
    ) -> Result<Self> {
        let folder = scratch::folder("restored")?;
        let peers: Vec<_> = (0..members)
            .map(|member| Ok((format!("m{member}"), ports::free()?)))
            .collect::<Result<_>>()?;
        let clients: Vec<_> = (0..members).map(|_| ports::free()).collect::<Result<_>>()?;
        let targets = peers.iter().map(|(name, _)| Target {
            name: name.clone(),
            data_dir: folder.path().join(name),
            wal_dir: None,
        });
        let initial = InitialCluster::parse(&initial(&peers))?;
        let random = u128::from(peers[0].1).to_le_bytes();
        let mut request = Request::new(initial, targets.collect(), random);
        change(&mut request);
        let restored = restore(Source::File(saved.open()?), &request, Control::default())?;
        let mut cluster = Self {
            restored,
            version,
            peers,
            clients,
            processes: Vec::new(),
            folder,
        };
        cluster.start_all().await?;
        Ok(cluster)
    }

    /// Kills every member as a crash would, and starts it on what it has.
    pub(crate) async fn crash(&mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(Process::kill)?;
        self.processes.clear();
        self.start_all().await
    }

    async fn start_all(&mut self) -> Result<()> {
        for member in 0..self.peers.len() {
            let process = self.launch(member)?;
            self.processes.push(process);
        }
        for member in 0..self.peers.len() {
            self.ready(member).await?;
        }
        Ok(())
    }

    fn launch(&self, member: usize) -> Result<Process> {
        let (name, peer) = &self.peers[member];
        let peer_url = format!("http://127.0.0.1:{peer}");
        let url = format!("http://127.0.0.1:{}", self.clients[member]);
        let mut command = Command::new(binaries::tool(self.version.set(), "etcd")?);
        command.env("ETCD_VERIFY", "all");
        command.args(["--name", name, "--initial-cluster", &initial(&self.peers)]);
        command.arg("--data-dir").arg(self.folder.path().join(name));
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args([
            "--listen-peer-urls",
            &peer_url,
            "--initial-advertise-peer-urls",
            &peer_url,
        ]);
        command.args(["--initial-cluster-token", &self.restored.token]);
        command.args(["--initial-cluster-state", "existing"]);
        // On a busy machine a leader is late, and not gone.
        command.args(["--heartbeat-interval=300", "--election-timeout=3000"]);
        // Else nobody may join before all have been connected for five seconds, which is not what is tried here.
        command.arg("--strict-reconfig-check=false");
        command.args(self.version.unsafe_no_fsync());
        Process::start(name, &mut command, &log_of(self.folder.path(), name))
    }

    async fn ready(&mut self, member: usize) -> Result<()> {
        let url = self.url(member);
        let process = &mut self.processes[member];
        wait::until_ok(format!("member {member} to answer"), READY, async || {
            process.check()?;
            let mut client = connect(&url, Some(ROOT)).await?;
            client.get("key-1", None).await?;
            Ok(())
        })
        .await
    }

    /// Has every member rewrite its database, by etcd's own tool.
    pub(crate) fn defragment(&self) -> Result<()> {
        let mut members = 0..self.peers.len();
        members.try_for_each(|member| etcdctl_at(self.version, &self.url(member), Some(ROOT), &["defrag"]))
    }

    /// Ends every member as a crash would, and has bbolt look at what it had.
    pub(crate) fn end_and_check(mut self) -> Result<()> {
        self.processes.iter_mut().try_for_each(Process::kill)?;
        for (name, _) in &self.peers {
            bbolt::check(&self.folder.path().join(name).join("member/snap/db"))
                .with_context(|| format!("of member {name} of {}", self.version))?;
        }
        Ok(())
    }

    fn url(&self, member: usize) -> String {
        format!("http://127.0.0.1:{}", self.clients[member])
    }

    /// How many members it has.
    pub(crate) fn members(&self) -> usize {
        self.peers.len()
    }

    /// A client of one member that may do everything.
    pub(crate) async fn client(&self, member: usize) -> Result<Client> {
        self.client_as(member, Some(ROOT)).await
    }

    /// A client of one member, logged in as this user with this password, or as nobody.
    pub(super) async fn client_as(&self, member: usize, user: Option<(&str, &str)>) -> Result<Client> {
        connect(&self.url(member), user).await
    }

    /// HashKV of every member at a revision.
    pub(crate) async fn hashes(&self, revision: i64) -> Result<Vec<u32>> {
        let mut hashes = Vec::new();
        for member in 0..self.peers.len() {
            hashes.push(self.client(member).await?.hash_kv(revision).await?.hash());
        }
        Ok(hashes)
    }

    /// Fails unless every member has this HashKV at this revision.
    pub(crate) async fn ensure_hashes(&self, (revision, hash): (i64, u32), when: &str) -> Result<()> {
        let (found, expected) = (self.hashes(revision).await?, vec![hash; self.peers.len()]);
        ensure!(
            found == expected,
            "on {}, {when}: the hashes at {revision} are {found:?}, and should be {expected:?}",
            self.version
        );
        Ok(())
    }

    /// Fails unless it takes a new key, beside all that were saved.
    pub(crate) async fn ensure_grows(&self, saved: &Saved) -> Result<()> {
        self.client(0).await?.put("new", "value", None).await?;
        self.ensure_counts(0, saved.keys() + 1).await
    }

    /// Fails unless a member has so many keys by itself.
    pub(super) async fn ensure_counts(&self, member: usize, keys: usize) -> Result<()> {
        let options = GetOptions::new()
            .with_all_keys()
            .with_count_only()
            .with_serializable();
        let found = self.client(member).await?.get("", Some(options)).await?.count();
        ensure!(
            usize::try_from(found)? == keys,
            "member {member} has {found} keys, and should have {keys}"
        );
        Ok(())
    }

    /// A client of whoever leads, among those that were restored.
    async fn leader(&self) -> Result<Client> {
        for member in 0..self.restored.members.len() {
            let mut client = self.client(member).await?;
            let status = client.status().await?;
            if status.header().map(ResponseHeader::member_id) == Some(status.leader()) {
                return Ok(client);
            }
        }
        bail!("nobody leads")
    }

    /// Adds an empty member as a learner, waits until it has caught up, and promotes it. Says which it is.
    pub(crate) async fn grow(&mut self) -> Result<usize> {
        let name = format!("m{}", self.peers.len());
        let peer = ports::free()?;
        let options = etcd_client::MemberAddOptions::new().with_is_learner();
        let mut client = self.client(0).await?;
        let added = client
            .member_add([format!("http://127.0.0.1:{peer}")], Some(options))
            .await?;
        let id = added.member().context("no member was added")?.id();
        self.peers.push((name, peer));
        self.clients.push(ports::free()?);
        let process = self.launch(self.peers.len() - 1)?;
        self.processes.push(process);
        wait::until_ok("the learner to be promoted", READY, async || {
            // A follower passes it on without saying who asks, which is refused where users log in.
            self.leader().await?.member_promote(id).await?;
            Ok(())
        })
        .await?;
        let joined = self.peers.len() - 1;
        self.ready(joined).await?;
        Ok(joined)
    }
}

async fn connect(url: &str, user: Option<(&str, &str)>) -> Result<Client> {
    let options = ConnectOptions::new().with_connect_timeout(CONNECT);
    let options = match user {
        Some((user, password)) => options.with_user(user, password),
        None => options,
    };
    Ok(Client::connect([url], Some(options)).await?)
}

fn initial(peers: &[(String, u16)]) -> String {
    let members: Vec<_> = peers
        .iter()
        .map(|(name, peer)| format!("{name}=http://127.0.0.1:{peer}"))
        .collect();
    members.join(",")
}
