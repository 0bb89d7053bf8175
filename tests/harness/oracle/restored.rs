//! What becomes of a snapshot: made by etcdutl and by ourselves, and compared.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Subject;
use crate::{
    bbolt,
    etcd::{Etcd, Version},
    etcdutl::{self, Membership},
    restorer::Restorer,
};

/// Buckets whose entries are compared one by one. Those of keys and leases are told by HashKV and by their number, and `meta`
/// differs on purpose.
const SMALL: [&str; 5] = ["members", "members_removed", "auth", "authUsers", "authRoles"];

/// Restores for the same member twice, and compares the two databases by etcd's own programs: HashKV and revision, the buckets,
/// who is a member, who may do what. Ours is sound for bbolt's own check.
///
/// `hash` is what HashKV should be, where the manifest says it.
pub(super) fn files(snapshot: &Path, version: Version, place: &Path, hash: Option<u64>) -> Result<()> {
    let member = Membership {
        name: "m0",
        initial_cluster: "m0=http://127.0.0.1:2380,m1=http://127.0.0.1:2381",
        token: "oracle",
        peer_url: "http://127.0.0.1:2380",
    };
    let [theirs, ours] = Restorer::ALL.map(|restorer| {
        let data = place.join(format!("{restorer:?}"));
        restorer.restore(version, snapshot, &data, &member)?;
        Ok::<_, anyhow::Error>(data.join("member/snap/db"))
    });
    compare(&theirs?, &ours?, hash)
}

/// Compares the database that etcdutl made of a snapshot with ours, and both with the HashKV that is to be expected.
///
/// # Errors
/// Where they differ in what counts, or ours is not sound.
pub fn compare(theirs: &Path, ours: &Path, hash: Option<u64>) -> Result<()> {
    bbolt::check(ours)?;
    let hashes = (etcdutl::hash_kv(theirs)?, etcdutl::hash_kv(ours)?);
    ensure!(
        hashes.0 == hashes.1,
        "restored by etcdutl and by ourselves, HashKV is {hashes:?}"
    );
    ensure!(
        hash.is_none_or(|hash| hash == u64::from(hashes.0.hash)),
        "HashKV is {:?}, and the manifest says {hash:?}",
        hashes.0
    );
    let buckets = (bbolt::buckets(theirs)?, bbolt::buckets(ours)?);
    ensure!(buckets.0 == buckets.1, "the buckets are {buckets:?}");
    for bucket in SMALL
        .iter()
        .filter(|bucket| buckets.0.iter().any(|name| name == *bucket))
    {
        let entries = (bbolt::entries(theirs, bucket)?, bbolt::entries(ours, bucket)?);
        ensure!(entries.0 == entries.1, "bucket {bucket} holds {entries:?}");
    }
    Ok(())
}

/// What an etcd answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) revision: i64,
    /// At that revision.
    pub(super) hash: u32,
    members: Vec<(String, bool)>,
}

/// Starts an etcd on what a program makes of a snapshot, and asks it.
pub(super) async fn running(restorer: Restorer, snapshot: &Path, subject: &Subject) -> Result<Answers> {
    let start = Etcd::start(subject.version).restored_by(restorer, snapshot);
    let mut etcd = start.await.with_context(|| format!("restored by {restorer:?}"))?;
    etcd.auth.clone_from(&subject.auth);
    let mut client = etcd.client().await?;
    let answer = client.hash_kv(0).await.context("ask for HashKV")?;
    let members = client.member_list().await.context("ask who is a member")?;
    let members = members.members().iter();
    Ok(Answers {
        revision: answer.header().context("an answer without a header")?.revision(),
        hash: answer.hash(),
        members: members
            .map(|member| (member.name().to_owned(), member.is_learner()))
            .collect(),
    })
}
