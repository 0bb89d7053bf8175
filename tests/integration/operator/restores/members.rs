//! etcd on what was restored.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use etcd_client::{Client, GetOptions};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    ports,
    process::Process,
    scratch, wait,
};
use tempfile::TempDir;

const READY: Duration = Duration::from_mins(1);

/// A member that is to be started: its name, peer port and data directory.
pub(super) type Place = (String, u16, PathBuf);

/// Members that run on restored directories.
pub(super) struct Members {
    clients: Vec<String>,
    processes: Vec<Process>,
    /// Where their output goes.
    logs: Option<TempDir>,
}

impl Members {
    /// Starts etcd 3.6, with its own checks on, on every place, and waits until each answers a linearizable read.
    pub(super) async fn start(places: &[Place], token: &str) -> Result<Self> {
        let clients: Vec<u16> = places.iter().map(|_| ports::free()).collect::<Result<_>>()?;
        Self::start_at(places, &clients, token, "existing").await
    }

    /// The same, on these client ports, in an initial cluster of this state.
    pub(super) async fn start_at(
        places: &[Place],
        clients: &[u16],
        token: &str,
        state: &str,
    ) -> Result<Self> {
        let logs = scratch::folder("members")?;
        let initial: Vec<_> = places
            .iter()
            .map(|(name, peer, _)| format!("{name}=http://127.0.0.1:{peer}"))
            .collect();
        let mut members = Self::at(clients);
        for (place, url) in places.iter().zip(&members.clients) {
            let mut command = launch(place, url, &initial.join(","))?;
            command.args(["--initial-cluster-token", token, "--initial-cluster-state", state]);
            let log = logs.path().join(&place.0);
            members
                .processes
                .push(Process::start(&place.0, &mut command, &log)?);
        }
        members.logs = Some(logs);
        members.ready().await?;
        Ok(members)
    }

    /// Members that somebody else runs.
    pub(super) fn at(clients: &[u16]) -> Self {
        Self {
            clients: clients
                .iter()
                .map(|port| format!("http://127.0.0.1:{port}"))
                .collect(),
            processes: Vec::new(),
            logs: None,
        }
    }

    async fn ready(&mut self) -> Result<()> {
        for (index, url) in self.clients.iter().enumerate() {
            let process = &mut self.processes[index];
            wait::until_ok(format!("member {index} to answer"), READY, async || {
                process.check()?;
                Client::connect([url], None).await?.get("x", None).await?;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// HashKV of every member at a revision.
    pub(super) async fn hashes(&self, revision: i64) -> Result<Vec<u32>> {
        let mut hashes = Vec::new();
        for url in &self.clients {
            let mut client = Client::connect([url], None).await?;
            hashes.push(client.hash_kv(revision).await.context("ask for HashKV")?.hash());
        }
        Ok(hashes)
    }

    /// Ids of the members by their names, as etcd prints them.
    pub(super) async fn ids(&self) -> Result<Vec<String>> {
        let url = self.clients.first().context("no member")?;
        let list = Client::connect([url], None).await?.member_list().await?;
        let mut members: Vec<_> = list.members().iter().map(|one| (one.name(), one.id())).collect();
        members.sort_unstable();
        Ok(members.into_iter().map(|(_, id)| format!("{id:016x}")).collect())
    }

    /// What each member holds under a key.
    pub(super) async fn values(&self, key: &str) -> Result<Vec<Option<String>>> {
        let mut values = Vec::new();
        for url in &self.clients {
            let answer = Client::connect([url], None).await?.get(key, None).await?;
            let value = answer.kvs().first().map(|kv| kv.value_str().map(str::to_owned));
            values.push(value.transpose()?);
        }
        Ok(values)
    }

    /// Every member holds every key that `source` holds, with its value, and takes a write of any member.
    pub(super) async fn hold_what(&self, source: &Etcd) -> Result<()> {
        let expected = contents(&mut source.client().await?).await?;
        ensure!(expected.len() > 40, "the source holds {} keys", expected.len());
        for url in &self.clients {
            let found = contents(&mut Client::connect([url], None).await?).await?;
            ensure!(found == expected, "{url} holds {} keys", found.len());
        }
        let mut last = Client::connect([self.clients.last().context("no member")?], None).await?;
        last.put("written afterwards", "value", None)
            .await
            .context("write")?;
        Ok(())
    }
}

async fn contents(client: &mut Client) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let all = client.get("", Some(GetOptions::new().with_all_keys())).await?;
    let pair = |kv: &etcd_client::KeyValue| (kv.key().to_vec(), kv.value().to_vec());
    Ok(all.kvs().iter().map(pair).collect())
}

fn launch((name, peer, data): &Place, url: &str, initial: &str) -> Result<Command> {
    let peer_url = format!("http://127.0.0.1:{peer}");
    let mut command = Command::new(binaries::tool(Version::V3_6.set(), "etcd")?);
    command.env("ETCD_VERIFY", "all");
    command.args(["--name", name, "--initial-cluster", initial]);
    command.arg("--data-dir").arg(data);
    command.args(["--listen-client-urls", url, "--advertise-client-urls", url]);
    command.args(["--listen-peer-urls", &peer_url]);
    command.args(["--initial-advertise-peer-urls", &peer_url]);
    command.arg("--unsafe-no-fsync");
    Ok(command)
}
