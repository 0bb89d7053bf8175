//! A snapshot of a real member that holds something of everything, and what the member itself says of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use etcd_client::{
    AlarmAction, AlarmOptions, AlarmType, Client, DeleteOptions, LeaseGrantOptions, Permission, PutOptions,
    ResponseHeader, Txn, TxnOp, UserAddOptions,
};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    scratch,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::held::{self, Held, Lease};

/// Who may do everything, and the password.
pub(super) const ROOT: (&str, &str) = ("root", "roots-own");
/// Who may read what begins with `key-1`, and the password.
pub(super) const READER: (&str, &str) = ("reader", "readers-own");

/// Leases: with keys, without any, and one that has ended before the snapshot.
const LEASES: [(i64, i64); 3] = [(0x1001, 3600), (0x1002, 7200), (SHORT, 1800)];
const SHORT: i64 = 0x1003;

/// A snapshot of a real member, and what the member says of it.
pub(crate) struct Saved {
    folder: TempDir,
    pub(super) now: At,
    /// Likewise at an older revision, whose leases are those of now.
    older: At,
    /// The alarms that were raised, by name: who raised each.
    pub(super) alarms: BTreeMap<&'static str, u64>,
}

/// A revision, its HashKV, and what was held.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) revision: i64,
    pub(super) hash: u32,
    pub(super) held: Held,
}

impl Saved {
    /// Of this release: saved once, for all who ask.
    pub(crate) async fn of(version: Version) -> Result<&'static Self> {
        static SAVED: [OnceCell<Saved>; 4] = [const { OnceCell::const_new() }; 4];
        let index = match version {
            Version::V3_4 => 0,
            Version::V3_5 => 1,
            Version::V3_6 => 2,
            Version::V3_7 => 3,
        };
        SAVED[index].get_or_try_init(|| Self::anew(version)).await
    }

    async fn anew(version: Version) -> Result<Self> {
        let etcd = start(version).await?;
        let older = fill(&etcd).await?;
        raise_alarms(&mut etcd.client().await?).await?;
        Self::take(&etcd, older).await
    }

    /// What a member holds that was [filled](fill), saved by etcd's own tool.
    pub(super) async fn take(etcd: &Etcd, older: At) -> Result<Self> {
        let folder = scratch::folder("saved")?;
        let mut client = etcd.client().await?;
        let alarms = held::alarms(&mut client).await?;
        save(etcd, &folder.path().join("snapshot.db"))?;
        let answer = client.hash_kv(0).await?;
        let now = At {
            revision: revision(answer.header())?,
            hash: answer.hash(),
            held: Held::ask(&mut client, 0).await?,
        };
        Ok(Self {
            folder,
            now,
            older,
            alarms,
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("snapshot.db")
    }

    pub(crate) fn open(&self) -> Result<fs::File> {
        Ok(fs::File::open(self.path())?)
    }

    /// How many keys it holds.
    pub(super) fn keys(&self) -> usize {
        self.now.held.records.len()
    }

    /// What is held by a cluster that went back to the older revision: leases, users and roles of now, and for keys whose lease
    /// has ended since, one that lives so many seconds.
    pub(super) fn gone_back(&self, missing_lease_ttl: i64) -> At {
        let mut back = self.older.clone();
        let ids = back.held.records.iter().map(|record| record.lease);
        let leases = &self.now.held.leases;
        let ids: BTreeSet<i64> = ids.filter(|id| *id != 0).chain(leases.keys().copied()).collect();
        let lease = |id: i64| Lease {
            ttl: leases.get(&id).map_or(missing_lease_ttl, |lease| lease.ttl),
            keys: self.older.held.attached(id),
        };
        back.held.leases = ids.into_iter().map(|id| (id, lease(id))).collect();
        back
    }
}

/// Starts one to be filled. What a password's hash costs is not what is tried here.
pub(super) async fn start(version: Version) -> Result<Etcd> {
    let (user, password) = ROOT;
    Etcd::start(version)
        .arg("--bcrypt-cost=4")
        .auth(user, password)
        .await
}

/// Keys of many versions, with and without leases, deletions, transactions, users, and a compaction. Gives a revision that is
/// not the last, and what is held there.
pub(super) async fn fill(etcd: &Etcd) -> Result<At> {
    let mut client = etcd.client().await?;
    add_users(&mut client).await?;
    for (id, ttl) in LEASES {
        let options = LeaseGrantOptions::new().with_id(id);
        client.lease_grant(ttl, Some(options)).await?;
    }
    let (mut compacted, mut older) = (0, 0);
    for number in 0..400 {
        let attached = match number % 7 {
            0 => Some(LEASES[0].0),
            3 if number < 310 => Some(SHORT),
            _ => None,
        };
        let options = attached.map(|lease| PutOptions::new().with_lease(lease));
        let value = vec![b'v'; number * 11 % 3000];
        let key = format!("key-{}", number % 150);
        let put = client.put(key, value, options).await?;
        match number {
            198 => compacted = revision(put.header())?,
            298 => older = revision(put.header())?,
            250 | 350 => several(&mut client, number).await?,
            _ => {}
        }
    }
    for number in 0..20 {
        client.delete(format!("key-{}", number * 3), None).await?;
    }
    let prefix = DeleteOptions::new().with_prefix();
    client.delete("key-14", Some(prefix)).await?;
    client.lease_revoke(SHORT).await?;
    client.compact(compacted, None).await?;
    Ok(At {
        revision: older,
        hash: client.hash_kv(older).await?.hash(),
        held: Held::ask(&mut client, older).await?,
    })
}

/// Several keys at one revision: written, overwritten, deleted.
async fn several(client: &mut Client, number: usize) -> Result<()> {
    let put = |key: &str| TxnOp::put(key, number.to_string(), None);
    let gone = TxnOp::delete(format!("key-{}", number % 150 + 1), None);
    let together = [put("txn-a"), put(&format!("txn-{number}")), gone];
    client.txn(Txn::new().and_then(together)).await?;
    Ok(())
}

/// Beside root, who is there already: one with a password and a right, one who could log in by a certificate only, and a role
/// that nobody has.
async fn add_users(client: &mut Client) -> Result<()> {
    client.role_add("reads").await?;
    let right = Permission::read("key-1").with_prefix();
    client.role_grant_permission("reads", right).await?;
    client.role_add("nobodys").await?;
    let right = Permission::read_write("txn-a");
    client.role_grant_permission("nobodys", right).await?;
    client.user_add(READER.0, READER.1, None).await?;
    client.user_grant_role(READER.0, "reads").await?;
    let certified = UserAddOptions::new().with_no_pwd();
    client.user_add("certified", "", Some(certified)).await?;
    Ok(())
}

/// Both kinds, by hand: whether data is damaged or space has run out is not what is tried here.
async fn raise_alarms(client: &mut Client) -> Result<()> {
    let status = client.status().await?;
    let member = status.header().context("a header")?.member_id();
    for alarm in [AlarmType::Nospace, AlarmType::Corrupt] {
        let mut options = AlarmOptions::new();
        options.with_member(member);
        client.alarm(AlarmAction::Activate, alarm, Some(options)).await?;
    }
    Ok(())
}

fn revision(header: Option<&ResponseHeader>) -> Result<i64> {
    Ok(header.context("a header")?.revision())
}

/// Runs etcd's own client against the first member.
pub(super) fn etcdctl(etcd: &Etcd, arguments: &[&str]) -> Result<()> {
    let user = etcd.auth.as_ref();
    let user = user.map(|(user, password)| (user.as_str(), password.as_str()));
    etcdctl_at(etcd.version, &etcd.member(0).endpoint(), user, arguments)
}

/// Runs it against any member.
pub(super) fn etcdctl_at(
    version: Version,
    endpoint: &str,
    user: Option<(&str, &str)>,
    arguments: &[&str],
) -> Result<()> {
    let mut command = Command::new(binaries::tool(version.set(), "etcdctl")?);
    command.args(["--endpoints", endpoint]);
    if let Some((user, password)) = user {
        command.args(["--user", user, "--password", password]);
    }
    let output = command.args(arguments).output()?;
    ensure!(
        output.status.success(),
        "etcdctl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Saves a snapshot with etcd's own client.
pub(super) fn save(etcd: &Etcd, to: &Path) -> Result<()> {
    let to = to.to_str().context("the path is text")?;
    etcdctl(etcd, &["snapshot", "save", to])
}
