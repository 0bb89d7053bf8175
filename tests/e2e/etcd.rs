//! An etcd that pods run, as its clients see it: what a case writes into it, and asks it for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use etcd_client::{Certificate, Client, ConnectOptions, GetOptions, Identity, TlsOptions, Txn, TxnOp};
use harness::{
    tls::{Authority, Pair},
    wait,
};
use serde_json::Value;

/// How many keys a case writes at once.
const KEYS: usize = 100;

/// Where it is, and with which certificates it is spoken to.
pub(crate) struct Etcd {
    pub(crate) authority: Authority,
    /// Of a client.
    pub(crate) client: Pair,
    /// The client URL of every member.
    pub(crate) endpoints: Vec<String>,
}

impl Etcd {
    /// One that is still to be started.
    pub(crate) fn new(endpoints: Vec<String>) -> Result<Self> {
        let authority = Authority::new("etcd-e2e-ca")?;
        Ok(Self {
            client: authority.client("backup")?,
            authority,
            endpoints,
        })
    }

    /// A client of all members: the rig resolves the names of its pods.
    pub(crate) async fn connect(&self) -> Result<Client> {
        let identity = Identity::from_pem(&self.client.cert, &self.client.key);
        let authority = Certificate::from_pem(self.authority.pem());
        let options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(Duration::from_secs(20))
            .with_tls(TlsOptions::new().ca_certificate(authority).identity(identity));
        Client::connect(&self.endpoints, Some(options))
            .await
            .context("connect to the etcd")
    }

    /// Writes a hundred keys at once, so many times.
    pub(crate) async fn fill(&self, times: u32) -> Result<()> {
        let mut client = self.connect().await?;
        for time in 0..times {
            let puts =
                (0..KEYS).map(|key| TxnOp::put(format!("/registry/case/{key}"), value(key, time), None));
            let all = Txn::new().and_then(puts.collect::<Vec<_>>());
            client.txn(all).await.context("write")?;
        }
        Ok(())
    }

    /// HashKV of a member at a revision.
    pub(crate) async fn hash(&self, revision: i64) -> Result<u64> {
        let answer = self.connect().await?.hash_kv(revision).await;
        Ok(u64::from(answer.context("ask for HashKV")?.hash()))
    }

    /// What the case wrote, and is there.
    pub(crate) async fn keys(&self) -> Result<Vec<(String, String)>> {
        // A leader may still be missing right after the start.
        wait::until_ok("the etcd to answer", Duration::from_mins(1), async || {
            let mut client = self.connect().await?;
            let all = Some(GetOptions::new().with_prefix());
            let found = client.get("/registry/case/", all).await.context("read")?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let pairs = found.kvs().iter();
            Ok(pairs.map(|pair| (text(pair.key()), text(pair.value()))).collect())
        })
        .await
    }

    /// It holds what was written first, so many times, and nothing later; and its HashKV is the one that the status of an
    /// EtcdRestore says of every member.
    pub(crate) async fn holds(&self, times: u32, status: &Value) -> Result<()> {
        let found = self.keys().await?;
        ensure!(found.len() == KEYS, "there are {} keys", found.len());
        for (key, found) in found {
            let number = key.rsplit('/').next().and_then(|number| number.parse().ok());
            let wanted = value(number.context("a key ends with its number")?, times - 1);
            ensure!(found == wanted, "{key} is {found}");
        }
        let revision = status["revision"].as_i64().context("no revision in the status")?;
        let living = self.hash(revision).await?;
        let members = status["members"].as_array().context("no members in the status")?;
        ensure!(members.len() == self.endpoints.len(), "{status}");
        for member in members {
            ensure!(
                member["hashKV"].as_u64() == Some(living),
                "HashKV is {living} in the etcd: {member}"
            );
        }
        Ok(())
    }
}

fn value(key: usize, time: u32) -> String {
    format!("value {key} of time {time}").repeat(20)
}
