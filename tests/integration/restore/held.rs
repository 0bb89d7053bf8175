//! What clients can learn of a cluster: its keys, leases, users and roles.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use etcd_client::{AlarmAction, AlarmType, Client, GetOptions, KeyValue, LeaseTimeToLiveOptions};

/// A key as etcd tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    key: String,
    value: Vec<u8>,
    pub(super) lease: i64,
    created: i64,
    changed: i64,
    version: i64,
}

impl Record {
    fn of(pair: &KeyValue) -> Result<Self> {
        Ok(Self {
            key: pair.key_str()?.to_owned(),
            value: pair.value().to_vec(),
            lease: pair.lease(),
            created: pair.create_revision(),
            changed: pair.mod_revision(),
            version: pair.version(),
        })
    }

    /// All of it but the value, which is long.
    fn told(&self) -> String {
        let Self {
            key,
            value,
            lease,
            created,
            changed,
            version,
        } = self;
        let bytes = value.len();
        format!(
            "{key}: {bytes} bytes, lease {lease:x}, created at {created}, changed at {changed}, version {version}"
        )
    }
}

/// A lease: the seconds that it was granted for, and its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) ttl: i64,
    pub(super) keys: BTreeSet<String>,
}

/// Everything at one revision. Leases, users and roles have no revisions: they are what they are now.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) records: Vec<Record>,
    pub(super) leases: BTreeMap<i64, Lease>,
    /// Roles by user.
    users: BTreeMap<String, Vec<String>>,
    /// Permissions by role.
    roles: BTreeMap<String, Vec<String>>,
}

impl Held {
    /// Asks the member that the client is connected to: of keys, what it has by itself. Revision 0 is the last.
    pub(super) async fn ask(client: &mut Client, revision: i64) -> Result<Self> {
        let options = GetOptions::new()
            .with_all_keys()
            .with_revision(revision)
            .with_serializable();
        let answer = client.get("", Some(options)).await.context("get what it holds")?;
        Ok(Self {
            records: answer.kvs().iter().map(Record::of).collect::<Result<_>>()?,
            leases: leases(client).await.context("ask for leases")?,
            users: users(client).await.context("ask for users")?,
            roles: roles(client).await.context("ask for roles")?,
        })
    }

    /// The keys that these records have attached to a lease.
    pub(super) fn attached(&self, lease: i64) -> BTreeSet<String> {
        let attached = self.records.iter().filter(|record| record.lease == lease);
        attached.map(|record| record.key.clone()).collect()
    }

    /// Fails unless this is what should be held.
    pub(super) fn ensure_is(&self, expected: &Self) -> Result<()> {
        let pairs = self.records.iter().zip(&expected.records);
        for (found, expected) in pairs {
            ensure!(
                found == expected,
                "found {}, and expected {}",
                found.told(),
                expected.told()
            );
        }
        let (found, number) = (self.records.len(), expected.records.len());
        ensure!(found == number, "there are {found} keys, and should be {number}");
        for (id, lease) in &expected.leases {
            let found = self.leases.get(id);
            ensure!(
                found == Some(lease),
                "lease {id:x} is {found:?}, and should be {lease:?}"
            );
        }
        ensure!(
            self.leases.len() == expected.leases.len(),
            "there are other leases: {:?}",
            self.leases
        );
        ensure!(
            (&self.users, &self.roles) == (&expected.users, &expected.roles),
            "users are {:?} with the roles {:?}, and should be {:?} with {:?}",
            self.users,
            self.roles,
            expected.users,
            expected.roles
        );
        Ok(())
    }
}

async fn leases(client: &mut Client) -> Result<BTreeMap<i64, Lease>> {
    let mut leases = BTreeMap::new();
    for lease in client.leases().await?.leases() {
        let options = LeaseTimeToLiveOptions::new().with_keys();
        let told = client.lease_time_to_live(lease.id(), Some(options)).await?;
        let keys = told.keys().iter().map(|key| String::from_utf8(key.clone()));
        let lease = Lease {
            ttl: told.granted_ttl(),
            keys: keys.collect::<Result<_, _>>()?,
        };
        leases.insert(told.id(), lease);
    }
    Ok(leases)
}

async fn users(client: &mut Client) -> Result<BTreeMap<String, Vec<String>>> {
    let mut users = BTreeMap::new();
    for user in client.user_list().await?.users() {
        let roles = client.user_get(user.as_str()).await?.roles().to_vec();
        users.insert(user.clone(), roles);
    }
    Ok(users)
}

async fn roles(client: &mut Client) -> Result<BTreeMap<String, Vec<String>>> {
    let mut roles = BTreeMap::new();
    for role in client.role_list().await?.roles() {
        let permissions = client.role_get(role.as_str()).await?.permissions();
        let told = permissions.iter().map(|permission| {
            let (key, end) = (permission.key(), permission.range_end());
            format!("{:?} {key:?} to {end:?}", permission.get_type())
        });
        roles.insert(role.clone(), told.collect());
    }
    Ok(roles)
}

/// The alarms that are raised, by name: who raised each.
pub(super) async fn alarms(client: &mut Client) -> Result<BTreeMap<&'static str, u64>> {
    let answer = client.alarm(AlarmAction::Get, AlarmType::None, None).await?;
    let mut alarms = BTreeMap::new();
    for alarm in answer.alarms() {
        let name = match alarm.alarm() {
            AlarmType::Nospace => "NOSPACE",
            AlarmType::Corrupt => "CORRUPT",
            AlarmType::None => bail!("an alarm without a name"),
        };
        alarms.insert(name, alarm.member_id());
    }
    Ok(alarms)
}
